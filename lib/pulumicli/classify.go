package pulumicli

import (
	"regexp"
	"slices"
	"strings"
)

// Class is what a failed command of the CLI means for what may be done next.
type Class string

// The classes of failures. Everything that is not known is Unknown, and only
// Transient and Locked are ever tried again.
const (
	Unknown         Class = "unknown"
	Transient       Class = "transient"        // the backend or KMS was out of reach before any step
	Locked          Class = "locked"           // somebody else holds the stack's lock
	SnapshotLost    Class = "snapshot lost"    // resources changed and the state does not know
	Interrupted     Class = "interrupted"      // the engine was told to stop, and saved its state
	AccessDenied    Class = "access denied"    // of the backend
	ExpiredToken    Class = "expired token"    // new credentials are needed
	NoBucket        Class = "no bucket"        // the state bucket is missing
	BadSecrets      Class = "bad secrets"      // the secrets provider can't open the stack's secrets
	CorruptState    Class = "corrupt state"    // the checkpoint can't be read
	NoStack         Class = "no stack"         // the stack does not exist
	PlanViolated    Class = "plan violated"    // the program wants what the plan does not allow
	PendingChanges  Class = "pending changes"  // an earlier run ended in the middle of a step
	ProgramOrDeploy Class = "program or cloud" // the program or a resource operation failed
)

// noStackCode is the CLI's exit code for a stack that does not exist.
const noStackCode = 6

// transientTexts are the faults after which the CLI may be started again, as
// measured: each is what is left when the AWS SDK inside the CLI has given up
// after three attempts of its own.
var transientTexts = []*regexp.Regexp{
	regexp.MustCompile(`exceeded maximum number of attempts, \d+, https response error StatusCode: (500|503)\b`),
	regexp.MustCompile(`StatusCode: 0\b[^\n]*connection reset by peer`),
	regexp.MustCompile(`StatusCode: 0\b[^\n]*connect: connection refused`),
	regexp.MustCompile(`KMS: Decrypt, exceeded maximum number of attempts, \d+[^\n]*ThrottlingException`),
}

type finalText struct {
	text  string
	class Class
}

// Final texts decide before anything else: whatever else was said, these end
// the run. The engine's count on both streams; the backend's only on stderr,
// because on stdout a provider speaks too.
var (
	engineTexts = []finalText{
		{"failed to save snapshot", SnapshotLost},
		{"pending operations", PendingChanges},
		{"update canceled", Interrupted},
		{"violates plan:", PlanViolated},
		{"is not allowed by the plan", PlanViolated},
		{"but none were seen", PlanViolated},
	}
	backendTexts = []finalText{
		{"incorrect passphrase", BadSecrets},
		{"ExpiredToken", ExpiredToken},
		{"NoSuchBucket", NoBucket},
		{"AccessDenied", AccessDenied},
	}
)

// Classify says what a failed command means. Errors of the backend, the lock
// and KMS are on stderr; those of the engine and the providers on stdout, so
// that a resource operation that was throttled can never look like a backend
// that was.
func Classify(code int, stdout, stderr string) Class {
	for _, t := range engineTexts {
		if strings.Contains(stderr, t.text) || strings.Contains(stdout, t.text) {
			return t.class
		}
	}
	diagnosed := strings.Contains(stdout, "Diagnostics:")
	if !diagnosed && IsTransient(stderr) {
		return Transient
	}
	for _, t := range backendTexts {
		if strings.Contains(stderr, t.text) {
			return t.class
		}
	}
	switch {
	case code == noStackCode || noStack.MatchString(stderr):
		return NoStack
	case strings.Contains(stderr, "the stack is currently locked by"):
		return Locked
	case corrupt.MatchString(stderr):
		return CorruptState
	case diagnosed:
		return ProgramOrDeploy
	}
	return Unknown
}

// IsTransient says whether a text tells of a fault of the backend or KMS that
// may go by itself.
func IsTransient(text string) bool {
	return slices.ContainsFunc(transientTexts, func(t *regexp.Regexp) bool { return t.MatchString(text) })
}

// corrupt is a checkpoint that was read and is none. The CLI says "failed to
// load checkpoint" of one that could not be read too: there the cause decides,
// because who brings an old version back throws the healthy one away.
var corrupt = regexp.MustCompile(`failed to load checkpoint: [^\n]*(unexpected end of JSON input|invalid character|unsupported checkpoint version)`)

var noStack = regexp.MustCompile(`no stack named '[^']*' found`)

// leftLock is what the CLI says, with exit code 0, when it could not delete
// its own lock.
const leftLock = "there was a problem deleting the lock"

// lockKey finds the key of a lock in its URL, which ends in a query:
// s3://bucket/.pulumi/locks/organization/P/S/UUID.json?region=us-east-1.
var lockKey = regexp.MustCompile(regexp.QuoteMeta(leftLock) + `[^\n]*?/(\.pulumi/locks/[^\s?]+\.json)`)

// LeftLock says whether a command left its lock behind, and which object it
// is; the key is empty when the command's words don't tell.
func LeftLock(stdout, stderr string) (key string, left bool) {
	text := stderr + "\n" + stdout
	if !strings.Contains(text, leftLock) {
		return "", false
	}
	if m := lockKey.FindStringSubmatch(text); m != nil && !strings.Contains(m[1], "..") {
		key = m[1]
	}
	return key, true
}
