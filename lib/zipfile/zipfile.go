// Package zipfile packs a folder into a zip archive that is the same for the
// same files on every machine, and that says which of them are executable.
//
// It is for everything that a project uploads: the functions and the source of
// the build image. A folder that is given to Pulumi as an archive loses the
// mode of its files, and a function's bootstrap could not be started.
package zipfile

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Archive is a zip file.
type Archive struct {
	// Path is where it is.
	Path string
	// Digest is the SHA-256 of its bytes.
	Digest [sha256.Size]byte
}

// oldest stands in for the times of files, which say nothing about content. It
// is the oldest that zip knows.
var oldest = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// Modes of packed files. Whatever the umask was when they were made, everybody
// may read them: who unpacks them is somebody else.
const (
	plainFile  = 0o644
	executable = 0o755
)

// Pack writes the files of a folder to a zip file beside it.
func Pack(directory string) (Archive, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	err := filepath.WalkDir(directory, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return add(z, directory, path, d)
	})
	if err == nil {
		err = z.Close() // writes the directory: before the bytes are taken
	}
	a := Archive{Path: filepath.Clean(directory) + ".zip", Digest: sha256.Sum256(b.Bytes())}
	if err == nil {
		err = replace(a.Path, b.Bytes())
	}
	if err != nil {
		return Archive{}, fmt.Errorf("%s can't be packed: %w", directory, err)
	}
	return a, nil
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
	h := &zip.FileHeader{Name: filepath.ToSlash(name), Method: zip.Deflate, Modified: oldest}
	h.SetMode(plainFile)
	if info.Mode()&0o111 != 0 {
		h.SetMode(executable)
	}
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
