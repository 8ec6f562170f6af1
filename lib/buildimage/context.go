package buildimage

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"delivery.internal/lib/zipfile"
)

// Context is the source of the image, packed for CodeBuild.
type Context struct {
	// Archive is the path of the zip file.
	Archive string
	// Digest is the SHA-256 of the archive, hexadecimal. The same files give
	// the same digest on every machine.
	Digest string
}

// Pack writes the folder of the image's source to a zip file beside it. A
// file is written here, and not left to the provider as an archive, because
// the tag of the image must be known before anything is uploaded.
func Pack(directory string) (Context, error) {
	for _, needed := range []string{"Dockerfile", "buildspec.yml"} {
		if _, err := os.Stat(filepath.Join(directory, needed)); err != nil {
			return Context{}, fmt.Errorf("the image's source %s has no %s: assemble it with: make image-context", directory, needed)
		}
	}
	a, err := zipfile.Pack(directory)
	if err != nil {
		return Context{}, fmt.Errorf("the image's source: %w", err)
	}
	return Context{Archive: a.Path, Digest: hex.EncodeToString(a.Digest[:])}, nil
}
