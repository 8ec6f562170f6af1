package eventbridge

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"delivery.internal/lib/aws/apierr"
)

// Limits of PutEvents.
const (
	maxEntries    = 10
	maxBytes      = 256 * 1024 // less than that
	maxDetailType = 128        // characters
	timeBytes     = 14
)

// Entry is an entry of PutEvents.
type Entry struct {
	Source, DetailType, Detail string
	Resources                  []string
	// Timed says that the entry gives its own time.
	Timed bool
}

// Size is how many bytes an entry counts.
func (e Entry) Size() int {
	n := len(e.Source) + len(e.DetailType) + len(e.Detail)
	for _, r := range e.Resources {
		n += len(r)
	}
	if e.Timed {
		n += timeBytes
	}
	return n
}

// CheckRequest refuses what PutEvents refuses as a whole.
func CheckRequest(entries []Entry) error {
	if n := len(entries); n < 1 || n > maxEntries {
		return apierr.BadRequest("ValidationException", "%d entries: expected 1 to %d", n, maxEntries)
	}
	size := 0
	for _, e := range entries {
		size += e.Size()
	}
	if size >= maxBytes {
		return apierr.BadRequest("ValidationException", "Total size of the entries in the request is over the limit.")
	}
	return nil
}

// Check refuses what PutEvents reports as a failed entry.
func (e Entry) Check() error {
	var detail map[string]any
	switch {
	case e.Source == "" || e.DetailType == "" || e.Detail == "":
		return apierr.BadRequest("InvalidArgument", "Source, DetailType and Detail are required")
	case utf8.RuneCountInString(e.DetailType) > maxDetailType:
		return apierr.BadRequest("InvalidArgument", "DetailType has %d characters: at most %d are allowed", utf8.RuneCountInString(e.DetailType), maxDetailType)
	case strings.HasPrefix(e.Source, "aws."):
		return apierr.BadRequest("NotAuthorizedForSourceException", "sources that begin with aws. are reserved")
	case json.Unmarshal([]byte(e.Detail), &detail) != nil || detail == nil:
		return apierr.BadRequest("MalformedDetail", "Detail is malformed.")
	}
	return nil
}
