package pulumicli

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The texts are those that the pinned CLI was measured to say.
func TestClassify(t *testing.T) {
	t.Parallel()
	const operation = "error: operation error S3: GetObject, "
	for name, c := range map[string]struct {
		code           int
		stdout, stderr string
		want           Class
	}{
		"503":                       {1, "", operation + "exceeded maximum number of attempts, 3, https response error StatusCode: 503, RequestID: , HostID: , api error SlowDown: Reduce your rate", Transient},
		"503 of a checkpoint":       {1, "", "error: failed to load checkpoint: " + operation + "exceeded maximum number of attempts, 3, https response error StatusCode: 503, RequestID: , api error SlowDown: slow", Transient},
		"503 without a body":        {1, "", operation + "exceeded maximum number of attempts, 3, https response error StatusCode: 503, RequestID: , api error ServiceUnavailable: Service Unavailable", Transient},
		"500":                       {1, "", operation + "exceeded maximum number of attempts, 3, https response error StatusCode: 500, RequestID: , api error InternalError: oops", Transient},
		"reset":                     {1, "", operation + "exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Get \"http://s3\": read tcp: connection reset by peer", Transient},
		"refused":                   {1, "", operation + "https response error StatusCode: 0, RequestID: , request send failed, dial tcp 127.0.0.1:1: connect: connection refused", Transient},
		"KMS throttling":            {1, "", "error: operation error KMS: Decrypt, exceeded maximum number of attempts, 3, https response error StatusCode: 400, RequestID: , api error ThrottlingException: Rate exceeded", Transient},
		"lock":                      {1, "", "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.\n  s3://b/.pulumi/locks/x.json: created by ada@host (pid 7) at 2026-01-01T00:00:00Z", Locked},
		"access denied":             {1, "", "error: blob (code=PermissionDenied): " + operation + "https response error StatusCode: 403, api error AccessDenied: Access Denied", AccessDenied},
		"expired token":             {1, "", operation + "api error ExpiredToken: The provided token has expired.", ExpiredToken},
		"no bucket":                 {1, "", operation + "https response error StatusCode: 404, NoSuchBucket: ", NoBucket},
		"wrong passphrase":          {1, "", "error: get stack secrets manager: incorrect passphrase", BadSecrets},
		"corrupt":                   {1, "", "error: failed to load checkpoint: place 1: unexpected end of JSON input", CorruptState},
		"corrupt, cut in a string":  {1, "", "error: failed to load checkpoint: place 1: invalid character '\\n' in string literal", CorruptState},
		"corrupt, of the future":    {1, "", "error: failed to load checkpoint: unsupported checkpoint version 9", CorruptState},
		"checkpoint denied":         {1, "", "error: failed to load checkpoint: blob (key \".pulumi/stacks/p/dev.json\") (code=PermissionDenied): " + operation + "https response error StatusCode: 403, api error AccessDenied: Access Denied", AccessDenied},
		"checkpoint, expired token": {1, "", "error: failed to load checkpoint: " + operation + "https response error StatusCode: 400, api error ExpiredToken: The provided token has expired.", ExpiredToken},
		"checkpoint, bad gateway":   {1, "", "error: failed to load checkpoint: " + operation + "exceeded maximum number of attempts, 3, https response error StatusCode: 502, api error BadGateway: x", Unknown},
		"checkpoint, clock skew":    {1, "", "error: failed to load checkpoint: " + operation + "https response error StatusCode: 403, api error RequestTimeTooSkewed: x", Unknown},
		"checkpoint, cut off":       {1, "", "error: failed to load checkpoint: " + operation + "read tcp: unexpected EOF", Unknown},
		"no stack":                  {6, "", "error: no stack named 'dev' found", NoStack},
		"no stack, by its code":     {6, "", "", NoStack},
		"pre-step":                  {255, "Diagnostics:\n  error: pre-step event returned an error: failed to save snapshot: " + operation + "exceeded maximum number of attempts, 3, https response error StatusCode: 503, api error SlowDown", "", SnapshotLost},
		"post-step on stderr":       {255, "", "error: post-step event returned an error: failed to save snapshot: exceeded maximum number of attempts, 3, https response error StatusCode: 503, x: api error SlowDown", SnapshotLost},
		"interrupted":               {255, "Diagnostics:\n  error: update canceled", "", Interrupted},
		"plan: properties":          {255, "Diagnostics:\n  error: resource urn violates plan: properties changed: ~~bucket[{a}!={b}]", "", PlanViolated},
		"plan: operations":          {255, "Diagnostics:\n  error: expected resource operations for urn but none were seen", "", PlanViolated},
		"plan: creation":            {255, "Diagnostics:\n  error: create is not allowed by the plan", "", PlanViolated},
		"provider was throttled":    {255, "Diagnostics:\n  error: exceeded maximum number of attempts, 3, https response error StatusCode: 503, x: api error SlowDown", "", ProgramOrDeploy},
		"provider was denied":       {255, "Diagnostics:\n  error: api error AccessDenied: no", "", ProgramOrDeploy},
		"throttled after the fact":  {255, "Diagnostics:\n  error: no", "error: exceeded maximum number of attempts, 3, https response error StatusCode: 503, x: api error SlowDown", ProgramOrDeploy},
		"anything else":             {1, "", "error: something new", Unknown},
		"two attempts only":         {1, "", operation + "https response error StatusCode: 503, api error SlowDown", Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, Classify(c.code, c.stdout, c.stderr))
		})
	}
}

func TestLeftLock(t *testing.T) {
	t.Parallel()
	const key = ".pulumi/locks/organization/p/dev/7c6e7d0a.json"
	for name, c := range map[string]struct {
		text, key string
		left      bool
	}{
		"nothing":          {"Resources:\n  + 2 created", "", false},
		"with a query":     {"error: there was a problem deleting the lock at s3://b/" + key + "?region=us-east-1, manual clean up may be required: x", key, true},
		"without a query":  {"error: there was a problem deleting the lock at s3://b/" + key + ", manual clean up may be required: x", key, true},
		"without a key":    {"error: there was a problem deleting the lock somewhere", "", true},
		"out of the locks": {"error: there was a problem deleting the lock at s3://b/.pulumi/locks/../stacks/p/dev.json, manual", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, left := LeftLock("", c.text)
			require.Equal(t, c.key, got)
			require.Equal(t, c.left, left)
		})
	}
}
