package deploy

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"delivery.internal/lib/pulumicli"
)

// Object is an object of the state backend.
type Object struct {
	// Key is for instance ".pulumi/locks/organization/P/S/UUID.json".
	Key string
	// Written is when it was written.
	Written time.Time
}

// Objects are the objects of the state backend, where the CLI has no command
// for what the deployer must know or do.
type Objects interface {
	// List returns the objects whose keys begin with a prefix.
	List(ctx context.Context, prefix string) ([]Object, error)
	// Read returns the content of an object.
	Read(ctx context.Context, key string) ([]byte, error)
	// Remove deletes an object.
	Remove(ctx context.Context, key string) error
}

// Where the backend keeps what belongs to a stack.
func (s Stack) locks() string { return ".pulumi/locks/" + s.FullName() + "/" }
func (s Stack) checkpoint() string {
	return ".pulumi/stacks/" + s.Project + "/" + s.Environment + ".json"
}
func (s Stack) history() string { return ".pulumi/history/" + s.Project + "/" + s.Environment + "/" }
func (s Stack) backups() string { return ".pulumi/backups/" + s.Project + "/" + s.Environment + "/" }

// holder is what a lock says of who holds it.
type holder struct {
	Pid       int       `json:"pid"`
	Username  string    `json:"username"`
	Hostname  string    `json:"hostname"`
	Timestamp time.Time `json:"timestamp"`
}

// unlocked fails with class Locked while a run holds the stack: what its state
// says then is neither before nor after that run.
func (c *CLI) unlocked(ctx context.Context, s Stack) error {
	held, err := c.Objects.List(ctx, s.locks())
	if err != nil {
		return &Failure{Class: pulumicli.Classify(1, "", err.Error()), Text: err.Error(), Err: err}
	}
	if len(held) == 0 {
		return nil
	}
	who := "somebody"
	// The lock may be gone by now, and its words are only for people.
	if text, err := c.Objects.Read(ctx, held[0].Key); err == nil {
		var h holder
		if json.Unmarshal(text, &h) == nil && h.Hostname != "" {
			who = fmt.Sprintf("%s@%s (pid %d)", h.Username, h.Hostname, h.Pid)
		}
	}
	return &Failure{Class: pulumicli.Locked, Text: fmt.Sprintf("the stack is locked by %s since %s: %s", who, stamp(held[0].Written), held[0].Key)}
}

// LostError says that a stack was deployed before and has no checkpoint.
type LostError struct {
	Bucket string
	Stack  Stack
	// Newest is the most recent trace of the stack.
	Newest Object
}

// Error names what was found, and the command that brings the checkpoint back:
// a delete marker is all that hides its last version, and removing the marker
// needs no right to read what the environment's key encrypts.
func (e *LostError) Error() string {
	key := e.Stack.checkpoint()
	return fmt.Sprintf("its checkpoint %s is missing from bucket %s, but %s was written at %s: "+
		"it was deployed before, and as a new stack everything would be created a second time. "+
		"Bring the last version of the checkpoint back with: aws s3api delete-object --bucket %s --key %s --version-id "+
		"\"$(aws s3api list-object-versions --bucket %s --prefix %s --query \"DeleteMarkers[?IsLatest && Key=='%s'].VersionId\" --output text)\"; then merge another change",
		key, e.Bucket, e.Newest.Key, stamp(e.Newest.Written), e.Bucket, key, e.Bucket, key, key)
}

// lost refuses to take a stack for a new one when the backend has a trace of
// it. Removal leaves none: see removeStack.
func (c *CLI) lost(ctx context.Context, s Stack) error {
	traces, err := c.traces(ctx, s)
	if err != nil || len(traces) == 0 {
		return err
	}
	return &LostError{Bucket: c.bucket(), Stack: s, Newest: newest(traces)}
}

// traces are what the backend keeps of a stack: its checkpoint with the copy
// beside it, its history and its backups.
func (c *CLI) traces(ctx context.Context, s Stack) ([]Object, error) {
	var all []Object
	for _, prefix := range []string{s.checkpoint(), s.history(), s.backups()} {
		found, err := c.Objects.List(ctx, prefix)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// sweep removes the traces of a stack that was just removed.
func (c *CLI) sweep(ctx context.Context, s Stack) error {
	traces, err := c.traces(ctx, s)
	if err != nil {
		return err
	}
	for _, t := range traces {
		if err := c.Objects.Remove(ctx, t.Key); err != nil {
			return fmt.Errorf("its resources are destroyed but %s can't be removed from the state bucket (%w): remove that object by hand, else the stack counts as lost when it comes back", t.Key, err)
		}
	}
	return nil
}

func newest(objects []Object) Object {
	// Within a second the key decides: the CLI puts the time into it.
	return slices.MaxFunc(objects, func(a, b Object) int {
		return cmp.Or(a.Written.Compare(b.Written), cmp.Compare(a.Key, b.Key))
	})
}

// bucket is the name of the state bucket, for sentences.
func (c *CLI) bucket() string {
	name, _, _ := strings.Cut(strings.TrimPrefix(c.Backend, "s3://"), "?")
	return name
}

// update is the part of a history entry that is read here.
type update struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Result  string `json:"result"`
	End     int64  `json:"endTime"`
}

// Writer implements Engine: it says who wrote a state, as far as the history
// tells. It only serves people: without a history the state's own time is all.
func (c *CLI) Writer(ctx context.Context, s Stack, state State) string {
	when := "at a time that it doesn't say"
	if !state.Written.IsZero() {
		when = "at " + stamp(state.Written)
	}
	entries, err := c.Objects.List(ctx, s.history())
	entries = slices.DeleteFunc(entries, func(o Object) bool { return !strings.HasSuffix(o.Key, ".history.json") })
	if err != nil || len(entries) == 0 {
		return when
	}
	text, err := c.Objects.Read(ctx, newest(entries).Key)
	var u update
	if err != nil || json.Unmarshal(text, &u) != nil || u.End < state.Written.Unix() {
		return when // the last writer left no entry: it was killed, or it imported
	}
	if u.Message == "" {
		u.Message = "nobody who gave a name"
	}
	return fmt.Sprintf("%s by %s (%s, %s)", when, u.Message, u.Kind, u.Result)
}

// stamp is how sentences write a time.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Keys opens data keys.
type Keys interface {
	// DataKey decrypts the data key of a stack's secrets.
	DataKey(ctx context.Context, s Secrets) ([]byte, error)
}

// Opener implements Engine. It asks for the data key when the first secret is
// to be opened, and only once.
func (c *CLI) Opener(ctx context.Context, state State) Opener {
	key := sync.OnceValues(func() ([]byte, error) { return c.Keys.DataKey(ctx, state.Secrets) })
	return func(ciphertext string) (string, error) {
		k, err := key()
		if err != nil {
			c.Log.Warn("secrets can't be compared with the review and count as changed", "error", err.Error())
			return "", err
		}
		return openWith(k, ciphertext)
	}
}
