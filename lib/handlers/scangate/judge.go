package scangate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"delivery.internal/lib/contract"
)

// Scan is what ECR knows of an image's scan.
type Scan struct {
	// Status is ECR's word for the state of the scan.
	Status string
	// Ended says that ECR gives the time of the scan's end.
	Ended bool
	// Counts are the findings by severity, without those that have none; nil
	// where ECR gives no counts.
	Counts map[string]int32
	// Findings are all findings.
	Findings []Finding
}

// Finding is a vulnerability that a scan has found.
type Finding struct {
	ID, Severity string
	Packages     []string
}

func (f Finding) String() string {
	text := f.ID + " " + f.Severity
	if len(f.Packages) > 0 {
		text += " in " + strings.Join(f.Packages, ", ")
	}
	return text
}

// notScanned stands for the status of a scan that ECR does not know (yet).
const notScanned = "not there yet"

// severities in rising order. ECR also knows UNDEFINED and Inspector UNTRIAGED,
// for a finding that nobody has rated: it may be anything, and so it blocks.
var severities = []string{"INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"}

// ParseSeverity checks the lowest severity that refuses an image.
func ParseSeverity(s string) (string, error) {
	if slices.Contains(severities[1:], s) {
		return s, nil
	}
	return "", fmt.Errorf("severity %q is unknown: expected LOW, MEDIUM, HIGH or CRITICAL", s)
}

// rules are what findings are held to.
type rules struct {
	block    string // lowest severity that refuses
	accepted []contract.AcceptedFinding
	now      time.Time
}

// judge decides about an image by its scan. What is unknown is refused.
func (r rules) judge(s Scan) contract.ImageVerdict {
	v := contract.ImageVerdict{Status: contract.ImageRefused}
	switch s.Status {
	case notScanned, "IN_PROGRESS", "PENDING":
		v.Status, v.Reason = contract.ImageWaiting, "the scan is "+s.Status
		return v
	case "ACTIVE":
		// Enhanced scanning says ACTIVE before its first findings are there:
		// github.com/aws/aws-cli/issues/6759
		if s.Counts == nil || !s.Ended {
			v.Status, v.Reason = contract.ImageWaiting, "the scan is ACTIVE, its first findings are not there yet"
			return v
		}
	case "COMPLETE":
	default:
		v.Reason = fmt.Sprintf("the scan is %q, expected COMPLETE or ACTIVE; a new scan needs a new image: change image/, then run: make up PROJECT=shared && make image", s.Status)
		return v
	}
	if s.Counts == nil {
		v.Reason = "the scan is COMPLETE, but ECR gives no counts of its findings"
		return v
	}
	for severity, n := range s.Counts {
		if n < 0 {
			v.Reason = fmt.Sprintf("ECR counts %d %s findings: expected 0 or more", n, severity)
			return v
		}
	}
	r.weigh(&v, s)
	return v
}

// weigh looks at every finding, those included that are counted but not listed.
func (r rules) weigh(v *contract.ImageVerdict, s Scan) {
	unlisted := maps.Clone(s.Counts)
	for _, f := range s.Findings {
		unlisted[f.Severity]--
		if !r.blocks(f.Severity) {
			continue
		}
		by, note := r.acceptance(f)
		if by == nil {
			v.Blocking = append(v.Blocking, f.String()+note)
		}
		v.Accepted = append(v.Accepted, by...)
	}
	for _, severity := range slices.Sorted(maps.Keys(unlisted)) {
		if n := unlisted[severity]; n > 0 && r.blocks(severity) {
			v.Blocking = append(v.Blocking, fmt.Sprintf("%d %s that ECR counts and doesn't list", n, severity))
		}
	}
	slices.Sort(v.Blocking)
	v.Accepted = distinct(v.Accepted)
	if len(v.Blocking) > 0 {
		v.Reason = fmt.Sprintf("findings at or above %s, or of no known severity, that nobody has accepted; in all %s", r.block, list(s.Counts))
		return
	}
	v.Status, v.Reason = contract.ImageApproved, fmt.Sprintf("no findings at or above %s but those accepted; in all %s", r.block, list(s.Counts))
}

// blocks says whether findings of a severity refuse. One that the gate doesn't
// know does.
func (r rules) blocks(severity string) bool {
	rank := slices.Index(severities, severity)
	return rank < 0 || rank >= slices.Index(severities, r.block)
}

// acceptance returns by what a finding is accepted: every package in which it
// was found must be. A note says what acceptance has run out.
func (r rules) acceptance(f Finding) (by []contract.AcceptedFinding, note string) {
	packages := f.Packages
	if len(packages) == 0 {
		packages = []string{""}
	}
	for _, p := range packages {
		i := slices.IndexFunc(r.accepted, func(a contract.AcceptedFinding) bool {
			if a.ID != f.ID || a.Package != "" && a.Package != p {
				return false
			}
			if r.expired(a) {
				note = " (was accepted until " + a.Expires + ")"
				return false
			}
			return true
		})
		if i < 0 {
			return nil, note
		}
		by = append(by, r.accepted[i])
	}
	return by, ""
}

// expired says whether an acceptance has run out, or has no day on which it does.
func (r rules) expired(a contract.AcceptedFinding) bool {
	last, err := time.Parse(time.DateOnly, a.Expires)
	return err != nil || !r.now.Before(last.AddDate(0, 0, 1))
}

func distinct(all []contract.AcceptedFinding) (out []contract.AcceptedFinding) {
	for _, a := range all {
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// list renders counts in a stable order.
func list(counts map[string]int32) string {
	var parts []string
	for _, severity := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[severity], severity))
	}
	if len(parts) == 0 {
		return "no findings"
	}
	return strings.Join(parts, ", ")
}
