package services

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"delivery.internal/lib/aws/buildspec"
)

// packArtifacts makes the archive that the artifacts section of a buildspec describes.
func packArtifacts(s buildspec.Artifacts, source string) ([]byte, error) {
	base := filepath.Join(source, filepath.FromSlash(s.Base))
	if filepath.IsAbs(s.Base) {
		base = s.Base
	}
	files, err := artifactFiles(s, base)
	if err != nil {
		return nil, fail("CLIENT_ERROR", "no matching base directory path found for %s: %v", s.Base, err)
	}
	if len(files) == 0 {
		return nil, fail("CLIENT_ERROR", "no matching artifact paths found: %v in %s", s.Files, s.Base)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		name := f
		if s.Discard == "yes" {
			name = path.Base(f)
		}
		if err := addFile(w, filepath.Join(base, filepath.FromSlash(f)), name); err != nil {
			return nil, err
		}
	}
	err = w.Close() // writes the directory: before the bytes are taken
	return out.Bytes(), err
}

// artifactFiles are the paths below base that the patterns choose.
func artifactFiles(s buildspec.Artifacts, base string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(base, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(base, p)
		name := filepath.ToSlash(rel)
		if matchesAny(s.Files, name) && !matchesAny(s.Exclude, name) {
			out = append(out, name)
		}
		return err
	})
	return out, err
}

func matchesAny(globs []string, name string) bool {
	return slices.ContainsFunc(globs, func(g string) bool { return glob(g).MatchString(name) })
}

// glob compiles a pattern of CodeBuild's: ** crosses folders, * and ? do not.
func glob(pattern string) *regexp.Regexp {
	text := regexp.QuoteMeta(strings.TrimPrefix(pattern, "./"))
	for _, r := range []struct{ from, to string }{
		{`\*\*/`, "\x00"}, {`\*\*`, "\x01"}, {`\*`, `[^/]*`}, {`\?`, `[^/]`}, {"\x00", `(?:.*/)?`}, {"\x01", `.*`},
	} {
		text = strings.ReplaceAll(text, r.from, r.to)
	}
	return regexp.MustCompile("(?s)^" + text + "$") // quoted text always compiles
}

func addFile(w *zip.Writer, from, name string) error {
	info, err := os.Stat(from)
	if err != nil || !info.Mode().IsRegular() {
		return errors.Join(err, notRegular(info, name))
	}
	h, err := zip.FileInfoHeader(info)
	if err != nil {
		return err
	}
	h.Name, h.Method = name, zip.Deflate
	out, err := w.CreateHeader(h)
	if err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(out, in)
	return err
}

func notRegular(info fs.FileInfo, name string) error {
	if info == nil {
		return nil
	}
	return fmt.Errorf("%s is not a regular file", name)
}
