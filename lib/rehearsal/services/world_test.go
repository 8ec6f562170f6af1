package services

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/awsapi"
	"delivery.internal/lib/rehearsal/cloud"
)

// TestMain is also the program of the functions that the tests deploy.
func TestMain(m *testing.M) {
	if mode := os.Getenv("TEST_FUNCTION"); mode != "" {
		testFunction(mode)
		return
	}
	os.Exit(m.Run())
}

func testFunction(mode string) {
	if mode == "broken" {
		fmt.Println("I can't start")
		os.Exit(3)
	}
	calls := 0
	lambda.Start(func(ctx context.Context, in json.RawMessage) (any, error) {
		calls++
		fmt.Println("called")
		switch mode {
		case "fail":
			return nil, errors.New("I never can")
		case "hang":
			<-ctx.Done()
			select {}
		case "exit":
			os.Exit(4)
		case "web":
			return map[string]any{"statusCode": 202, "headers": map[string]string{"X-Seen": "yes"}, "body": string(in)}, nil
		}
		return map[string]any{"calls": calls, "environment": os.Environ(), "input": in}, nil
	})
}

const (
	account = cloud.DeliveryAccount
	keyARN  = "arn:aws:kms:us-east-1:" + account + ":key/one"
)

// world is a small cloud to test in.
type world struct {
	*Emulator
	t *testing.T
	c *cloud.Cloud
}

func newWorld(t *testing.T, change ...func(*Options)) *world {
	t.Helper()
	c := cloud.New()
	server := httptest.NewUnstartedServer(nil)
	o := Options{Endpoint: "http://" + server.Listener.Addr().String(), WorkDir: t.TempDir(), Grace: 10 * time.Second}
	for _, f := range change {
		f(&o)
	}
	w := &world{Emulator: New(c, o), t: t, c: c}
	server.Config.Handler = awsapi.New(c, w.Emulator)
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	return w
}

type props = map[string]any

// add deploys a resource.
func (w *world) add(typ, id, arn string, inputs props) *cloud.Resource {
	w.t.Helper()
	r := &cloud.Resource{Type: typ, ID: id, Account: account, ARN: arn, Inputs: normal(w.t, inputs), Name: id}
	if n, ok := inputs["name"].(string); ok {
		r.Name = n
	}
	require.NoError(w.t, w.c.Add(r))
	return r
}

// normal makes plain values of literals.
func normal(t *testing.T, v props) props {
	text, err := json.Marshal(v)
	require.NoError(t, err)
	var out props
	require.NoError(t, json.Unmarshal(text, &out))
	return out
}

// statement is an Allow; without resources it is a trust policy's.
func statement(principal, action, resource any, condition props) props {
	s := props{"Effect": "Allow", "Action": action}
	if principal != nil {
		s["Principal"] = principal
	}
	if resource != nil {
		s["Resource"] = resource
	}
	if condition != nil {
		s["Condition"] = condition
	}
	return s
}

func policy(statements ...props) string {
	b, _ := json.Marshal(props{"Version": "2012-10-17", "Statement": statements})
	return string(b)
}

func service(name string) props { return props{"Service": name} }

// role deploys a role that a service may take.
func (w *world) role(name, svc string, statements ...props) string {
	arn := "arn:aws:iam::" + account + ":role/" + name
	w.add(typetoken.Role, name, arn, props{"name": name, "assumeRolePolicy": policy(statement(service(svc), "sts:AssumeRole", nil, nil))})
	if len(statements) > 0 {
		w.add(typetoken.RolePolicy, name+":p", "", props{"role": name, "name": name + "-policy", "policy": policy(statements...)})
	}
	return arn
}

func (w *world) queue(name string, statements ...props) string {
	arn, url := "arn:aws:sqs:us-east-1:"+account+":"+name, "https://sqs/"+name
	w.add(typetoken.Queue, url, arn, props{"name": name})
	if len(statements) > 0 {
		w.add(typetoken.QueuePolicy, url, "", props{"queueUrl": url, "policy": policy(statements...)})
	}
	return arn
}

func (w *world) bucket(name string) {
	w.add(typetoken.Bucket, name, "arn:aws:s3:::"+name, props{"bucket": name})
}

func (w *world) key(statements ...props) {
	root := statement(props{"AWS": "arn:aws:iam::" + account + ":root"}, []string{"kms:Decrypt", "kms:GenerateDataKey"}, "*", nil)
	w.add(typetoken.Key, "one", keyARN, props{"policy": policy(append(statements, root)...)})
}

func (w *world) topic(name string, statements ...props) string {
	arn := "arn:aws:sns:us-east-1:" + account + ":" + name
	w.add(typetoken.Topic, arn, arn, props{"name": name, "kmsMasterKeyId": keyARN})
	w.c.Update(account, typetoken.Topic, arn, func(r *cloud.Resource) { r.Name = name })
	if len(statements) > 0 {
		w.add(typetoken.TopicPolicy, arn, "", props{"arn": arn, "policy": policy(statements...)})
	}
	return arn
}

// rule deploys a rule with one target, and returns its ARN.
func (w *world) rule(name, pattern string, target props) string {
	arn := "arn:aws:events:us-east-1:" + account + ":rule/" + name
	w.add(typetoken.EventRule, name, arn, props{"name": name, "eventPattern": pattern, "state": "ENABLED"})
	maps.Copy(target, props{"rule": name, "targetId": "target"})
	w.add(typetoken.EventTarget, name+"-target", "", target)
	return arn
}

func ruleOf(name string) string { return "arn:aws:events:us-east-1:" + account + ":rule/" + name }

// function deploys a function that behaves as mode says.
func (w *world) function(name, mode string, inputs props, statements ...props) string {
	w.t.Helper()
	role := w.role(name+"-role", lambdaService, statements...)
	arn := "arn:aws:lambda:us-east-1:" + account + ":function:" + name
	self, err := os.Executable()
	require.NoError(w.t, err)
	w.c.SetBlob(arn, zippedProgram(w.t, "#!/bin/sh\nexec '"+self+"'\n", 0o755))
	all := props{"name": name, "role": role, "handler": "bootstrap", "timeout": 30, "environment": props{"variables": props{"TEST_FUNCTION": mode}}}
	maps.Copy(all, inputs)
	w.add(typetoken.Function, name, arn, all)
	return arn
}

func (w *world) logGroup(name string) string {
	arn := "arn:aws:logs:us-east-1:" + account + ":log-group:" + name
	w.add(typetoken.LogGroup, name, arn, props{"name": name})
	return arn
}

func zipped(t *testing.T, files map[string]string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := z.Create(name)
		require.NoError(t, err)
		_, err = f.Write([]byte(files[name]))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.Bytes()
}

func unzipped(t *testing.T, data []byte) map[string]string {
	dir := t.TempDir()
	require.NoError(t, unzip(data, dir))
	out := map[string]string{}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	for _, f := range archive.File {
		text, err := os.ReadFile(dir + "/" + f.Name)
		require.NoError(t, err)
		out[f.Name] = string(text)
	}
	return out
}

// said returns the messages of the journal that contain all texts.
func (w *world) said(kind string, texts ...string) []string {
	var out []string
	for _, e := range w.c.Journal.Events(kind) {
		if !slices.ContainsFunc(texts, func(s string) bool { return !strings.Contains(e.Subject+": "+e.Message, s) }) {
			out = append(out, e.Message)
		}
	}
	return out
}

// idle waits until everything has happened.
func (w *world) idle() {
	w.t.Helper()
	require.NoError(w.t, w.Idle(w.t.Context()))
}

// emit puts an event on the default bus.
func (w *world) emit(detail string) {
	w.t.Helper()
	_, err := w.PutEvent(awsapi.Event{Account: account, Bus: "default", Source: "test", DetailType: "thing", Detail: detail})
	require.NoError(w.t, err)
}
