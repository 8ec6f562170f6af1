package packages

import (
	"fmt"
	"strings"
)

// The generated part of a document stands between these lines.
const (
	begin = "<!-- made by: make packages -->\n"
	end   = "<!-- end of what make packages made -->\n"
)

// Insert returns the document with its generated part replaced.
func Insert(document, generated string) (string, error) {
	before, rest, found := strings.Cut(document, begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return "", fmt.Errorf("the document has no place for the packages: expected the lines %q and %q", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return before + begin + "\n" + generated + "\n" + end + after, nil
}
