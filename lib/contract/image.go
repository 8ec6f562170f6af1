package contract

// The event by which an operator asks the scan gate for its verdict on an
// image. It is on the default bus, beside the events of ECR and Inspector, and
// has their keys. It decides nothing: the gate asks ECR.
const (
	ImageSource       = "delivery.image"
	VerdictDetailType = "Image Verdict Requested"
)

// ExportImageDigest is the variable in which the build of the image exports the
// digest of what it pushed, or of what it found pushed before.
const ExportImageDigest = "IMAGE_DIGEST"

// VerdictRequest is the detail of that event.
type VerdictRequest struct {
	Repository string `json:"repository-name"`
	Image      string `json:"image-digest"`
	Request    string `json:"request"` // chosen by who asks; the verdict repeats it
}

// VerdictStatus is what the scan gate says of an image.
type VerdictStatus string

// The statuses of a verdict.
const (
	ImageApproved VerdictStatus = "approved"
	ImageRefused  VerdictStatus = "refused"
	ImageWaiting  VerdictStatus = "waiting" // its scan has not ended yet
)

// ImageVerdict is what the scan gate leaves in its verdict parameter.
type ImageVerdict struct {
	Image   string        `json:"image"` // digest
	Status  VerdictStatus `json:"status"`
	Reason  string        `json:"reason"`
	Request string        `json:"request,omitempty"` // of the VerdictRequest that it answers
	// Blocking are the findings that refuse the image, one a line.
	Blocking []string `json:"blocking,omitempty"`
	// Accepted are those that would, had nobody accepted them.
	Accepted []AcceptedFinding `json:"accepted,omitempty"`
	// More is how many of both did not fit into the parameter.
	More int `json:"more,omitempty"`
}

// AcceptedFinding is a vulnerability that was looked at and that does not keep
// an image from being approved until a day is over.
type AcceptedFinding struct {
	ID      string `json:"id"`                // as ECR names it, for instance CVE-2026-85091
	Package string `json:"package,omitempty"` // all packages where empty
	Reason  string `json:"reason"`
	Expires string `json:"expires"` // last day, UTC, as 2027-01-31
}

// ParameterBytes is how much a standard parameter of SSM holds; see "Managing
// parameter tiers" in the Systems Manager user guide.
const ParameterBytes = 4096
