package provider

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

// lab is a cloud in which kinds are tried without an engine.
type lab struct {
	t    *testing.T
	host *Host
	c    *cloud.Cloud
	as   *cloud.Session
}

const labAccount = cloud.DeliveryAccount

func newLab(t *testing.T) *lab {
	t.Helper()
	c := cloud.New()
	return &lab{t: t, host: NewHost(c), c: c, as: c.Operator(labAccount)}
}

// as returns a lab in which another session works.
func (l *lab) with(session *cloud.Session) *lab {
	other := *l
	other.as = session
	return &other
}

func (l *lab) call(token string, inputs map[string]any) (*Kind, *Call) {
	k := registry()[token]
	require.NotNil(l.t, k, token)
	return k, &Call{
		Cloud: l.c, Session: l.as, Account: l.as.Account, Inputs: inputs, Unknown: map[string]bool{},
		URN: "urn:pulumi:dev::test::" + token + "::" + fmt.Sprint(l.c.Serial()), Stack: "organization/test/dev",
	}
}

func (l *lab) try(token string, inputs map[string]any) (*cloud.Resource, error) {
	k, c := l.call(token, inputs)
	return l.host.create(k, c, nil)
}

func (l *lab) make(token string, inputs map[string]any) *cloud.Resource {
	l.t.Helper()
	r, err := l.try(token, inputs)
	require.NoError(l.t, err)
	return r
}

func (l *lab) update(r *cloud.Resource, inputs map[string]any) (*cloud.Resource, error) {
	k, c := l.call(r.Type, inputs)
	old := l.c.Get(r.Account, r.Type, r.ID)
	c.adopt(old)
	return l.host.update(k, c, nil)
}

func (l *lab) remove(r *cloud.Resource) error {
	k, c := l.call(r.Type, r.Inputs)
	c.adopt(r)
	return l.host.delete(k, c)
}

// plan returns what a check says, in one text.
func (l *lab) plan(token string, inputs map[string]any) string {
	k, c := l.call(token, inputs)
	var out []string
	for _, f := range k.check(c) {
		out = append(out, f.property+" "+f.reason)
	}
	return strings.Join(out, "\n")
}

func labJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func labPolicy(statements ...map[string]any) string {
	return labJSON(map[string]any{"Version": "2012-10-17", "Statement": statements})
}

func labAllow(principal any, resource any, actions ...string) map[string]any {
	s := map[string]any{"Effect": "Allow", "Action": actions}
	if principal != nil {
		s["Principal"] = principal
	}
	if resource != nil {
		s["Resource"] = resource
	}
	return s
}

func service(name string) map[string]any { return map[string]any{"Service": name} }

// role makes a role that a service may take.
func (l *lab) role(name, trusted string, statements ...map[string]any) *cloud.Resource {
	r := l.make(typetoken.Role, map[string]any{"name": name, "assumeRolePolicy": labPolicy(labAllow(service(trusted), nil, "sts:AssumeRole"))})
	if len(statements) > 0 {
		l.make(typetoken.RolePolicy, map[string]any{"name": "p", "role": name, "policy": labPolicy(statements...)})
	}
	return r
}

func (l *lab) bucket(name string, statements ...map[string]any) {
	l.make(typetoken.Bucket, map[string]any{"bucket": name})
	if len(statements) > 0 {
		l.make(typetoken.BucketPolicy, map[string]any{"bucket": name, "policy": labPolicy(statements...)})
	}
}

// key makes a key that the account administers and everyone listed uses.
func (l *lab) key(statements ...map[string]any) *cloud.Resource {
	root := map[string]any{"AWS": "arn:aws:iam::" + labAccount + ":root"}
	return l.make(typetoken.Key, map[string]any{"policy": labPolicy(append(statements, labAllow(root, "*", "kms:PutKeyPolicy", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags", "kms:DescribeKey", "kms:CreateGrant"))...)})
}

func (l *lab) topic(name string) *cloud.Resource {
	return l.make(typetoken.Topic, map[string]any{"name": name})
}

func (l *lab) queue(name string) *cloud.Resource {
	return l.make(typetoken.Queue, map[string]any{"name": name})
}

// labZip is an archive with a program.
func labZip(name, content string) map[string]any {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create(name)
	if err == nil {
		_, err = f.Write([]byte(content))
	}
	if err != nil || w.Close() != nil {
		panic("zip")
	}
	return map[string]any{"asset": name, "hash": content, "load": loader(func() ([]byte, error) { return b.Bytes(), nil })}
}

// changed copies inputs with some of them changed; nil removes one.
func changed(inputs map[string]any, changes map[string]any) map[string]any {
	out := maps.Clone(inputs)
	for k, v := range changes {
		if v == nil {
			delete(out, k)
			continue
		}
		out[k] = v
	}
	return out
}

// refusal is a change of good inputs that makes them bad.
type refusal struct {
	name    string
	changes map[string]any
	want    string
}

// refuses checks that a kind accepts inputs and refuses each change of them,
// before anything exists.
func refuses(t *testing.T, token string, good map[string]any, refusals []refusal) {
	t.Helper()
	l := newLab(t)
	require.Empty(t, l.plan(token, good))
	for _, r := range refusals {
		require.Contains(t, l.plan(token, changed(good, r.changes)), r.want, r.name)
	}
}
