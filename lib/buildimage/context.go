package buildimage

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Context is the source of the image, packed for CodeBuild.
type Context struct {
	// Archive is the path of the zip file.
	Archive string
	// Digest is the SHA-256 of the archive, hexadecimal. The same files give
	// the same digest on every machine.
	Digest string
}

// zipTime stands in for the times of files, which say nothing about content.
// It is the oldest that zip knows.
var zipTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// Pack writes the folder of the image's source to a zip file beside it. A
// file is written here, and not left to the provider as an archive, because
// the tag of the image must be known before anything is uploaded.
func Pack(directory string) (Context, error) {
	for _, needed := range []string{"Dockerfile", "buildspec.yml"} {
		if _, err := os.Stat(filepath.Join(directory, needed)); err != nil {
			return Context{}, fmt.Errorf("the image's source %s has no %s: assemble it with: make image-context", directory, needed)
		}
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	err := filepath.WalkDir(directory, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return add(z, directory, path, d)
	})
	if err != nil {
		return Context{}, fmt.Errorf("the image's source can't be packed: %w", err)
	}
	if err := z.Close(); err != nil {
		return Context{}, fmt.Errorf("the image's source can't be packed: %w", err)
	}
	sum := sha256.Sum256(b.Bytes())
	c := Context{Archive: filepath.Clean(directory) + ".zip", Digest: hex.EncodeToString(sum[:])}
	return c, replace(c.Archive, b.Bytes())
}

// add puts one regular file into the archive, under its path from the root.
func add(z *zip.Writer, root, path string, d fs.DirEntry) error {
	if !d.Type().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	name, err := filepath.Rel(root, path)
	if err != nil {
		return err
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	h := &zip.FileHeader{Name: filepath.ToSlash(name), Method: zip.Deflate, Modified: zipTime}
	h.SetMode(0o644 | info.Mode()&0o111)
	w, err := z.CreateHeader(h)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// replace writes a file at once, so that a second run never sees half of it.
func replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(content); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
