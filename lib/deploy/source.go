package deploy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// readSource lists the source tree as programs will see it: a line for every
// file, link and folder, sorted by path, with mode and digest. What a line
// leaves out, such as times, differs between two downloads of one artifact.
func readSource(dir string) (string, error) {
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		if d.IsDir() && skipped[d.Name()] {
			return filepath.SkipDir
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		line, err := sourceLine(path, d)
		if err != nil {
			return fmt.Errorf("%s: %w", rel, err)
		}
		// Quoted, because a name may hold the end of a line.
		out = append(out, fmt.Sprintf("%q %s\n", filepath.ToSlash(rel), line))
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("the source %s can't be read: %w", dir, err)
	}
	slices.Sort(out)
	return strings.Join(out, ""), nil
}

// sourceLine is what counts of a file beside its path. A folder's mode does
// not: the working copy gives every folder the same.
func sourceLine(path string, d fs.DirEntry) (string, error) {
	switch {
	case d.IsDir():
		return "folder", nil
	case d.Type()&fs.ModeSymlink != 0:
		to, err := os.Readlink(path)
		return fmt.Sprintf("link %q", to), err
	case !d.Type().IsRegular():
		return "", fmt.Errorf("is neither a file, a folder nor a link")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	_, err = io.Copy(hash, f)
	return fmt.Sprintf("%04o %s", info.Mode().Perm(), hex.EncodeToString(hash.Sum(nil))), err
}

// checkSource refuses a source that is not the reviewed one. listed is the
// list that the bundle carries, which counts only if it has the digest of the
// review.
func checkSource(reviewedDigest, listed, now string) error {
	digest := textDigest([]byte(now))
	if digest == reviewedDigest {
		return nil
	}
	what := fmt.Sprintf("its digest is %s and was %s", digest, reviewedDigest)
	if textDigest([]byte(listed)) == reviewedDigest {
		what = differences(listed, now)
	}
	return fmt.Errorf("the source is not the one that was reviewed (%s): %s", what, again)
}

// differences names the files in which two lists differ.
func differences(before, now string) string {
	const most = 5
	var names []string
	for _, list := range [][2]string{{before, now}, {now, before}} {
		other := map[string]bool{}
		for line := range strings.Lines(list[1]) {
			other[line] = true
		}
		for line := range strings.Lines(list[0]) {
			if !other[line] {
				names = append(names, sourceName(line))
			}
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	verb := "differ"
	if len(names) == 1 {
		verb = "differs"
	}
	text := strings.Join(names[:min(most, len(names))], ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + " " + verb
}

// sourceName is the path of a line, without its quotes where it needs none.
func sourceName(line string) string {
	quoted, err := strconv.QuotedPrefix(line)
	if err != nil {
		return "a line that is not readable"
	}
	if name, err := strconv.Unquote(quoted); err == nil && `"`+name+`"` == quoted {
		return name
	}
	return quoted
}
