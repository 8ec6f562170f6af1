package services

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"delivery.internal/lib/rehearsal/cloud"
)

// instance is one running copy of a function. It handles one invocation at a
// time, as on Lambda.
type instance struct {
	emulator *Emulator
	settings functionSettings
	account  string
	arn      string
	session  *cloud.Session
	stream   string
	logs     bool

	mu      sync.Mutex // guards what start makes against kill
	killed  bool
	dir     string
	api     *runtimeAPI
	process *process
}

// start starts the function and waits until it asks for work.
func (in *instance) start(ctx context.Context, code []byte) error {
	if err := in.launch(code); err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, initLimit)
	defer stop()
	select {
	case <-in.api.ready:
		return nil
	case err := <-in.api.initError:
		return err
	case <-in.process.done:
		return &FunctionError{"Runtime.ExitError", "the function ended while it started: " + in.process.state()}
	case <-ctx.Done():
		return &FunctionError{"Sandbox.Timedout", "the function did not start in " + initLimit.String()}
	}
}

// launch unpacks the code, as it was uploaded, and starts its bootstrap.
func (in *instance) launch(code []byte) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.killed {
		return errGone
	}
	if code == nil {
		return fail("InvalidParameterValueException", "the function %s has no code", in.settings.Name)
	}
	err := os.MkdirAll(in.emulator.o.WorkDir, 0o755)
	if err != nil {
		return err
	}
	if in.dir, err = os.MkdirTemp(in.emulator.o.WorkDir, "function-"); err != nil {
		return err
	}
	if err := unzip(code, in.dir); err != nil {
		return fail("InvalidZipFileException", "the code of %s can't be unpacked: %v", in.settings.Name, err)
	}
	if in.api, err = newRuntimeAPI(); err != nil {
		return err
	}
	return in.startBootstrap()
}

// startBootstrap starts what the runtimes provided.* start. Its failures have
// the words of Lambda, which knows the folder as /var/task.
func (in *instance) startBootstrap() (err error) {
	program := filepath.Join(in.dir, "bootstrap")
	cmd := exec.Command(program)
	cmd.Dir, cmd.Env = in.dir, in.environment()
	out := newLines(in.log)
	cmd.Stdout, cmd.Stderr = out, out
	if err = mayExecute(program); err == nil {
		in.process, err = startProcess(cmd)
	}
	if err != nil {
		text := strings.Replace(err.Error(), in.dir, "/var/task", 1)
		return &FunctionError{"Runtime.InvalidEntrypoint", fmt.Sprintf("RequestId: %s Error: %s", newID(), text)}
	}
	return nil
}

// mayExecute asks for the function's user, who is not the owner of its files:
// "Lambda needs 644 permissions for non-executable files and 755 permissions
// for directories and executable files", see
// https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html.
func mayExecute(program string) error {
	info, err := os.Stat(program)
	if err == nil && info.Mode()&0o001 == 0 {
		return &fs.PathError{Op: "fork/exec", Path: program, Err: syscall.EACCES}
	}
	return nil // what is missing is reported by the start
}

// invoke hands one payload to the process and waits for its answer.
func (in *instance) invoke(ctx context.Context, payload []byte, timeout time.Duration) ([]byte, error) {
	ctx, stop := context.WithTimeout(ctx, timeout)
	defer stop()
	call := &invocation{id: newID(), payload: payload, deadline: time.Now().Add(timeout), function: in.arn, answer: make(chan answer, 1)}
	select {
	case in.api.calls <- call:
	case <-in.process.done:
		return nil, errors.Join(errGone, errors.New(in.process.state()))
	case <-ctx.Done():
		return nil, in.timedOut(ctx, timeout)
	}
	select {
	case a := <-call.answer:
		return a.body, a.err
	case <-in.process.done:
		select {
		case a := <-call.answer: // it answered with its last breath
			return a.body, a.err
		default:
		}
		return nil, &FunctionError{"Runtime.ExitError", fmt.Sprintf("RequestId: %s Error: Runtime exited: %s", call.id, in.process.state())}
	case <-ctx.Done():
		return nil, in.timedOut(ctx, timeout)
	}
}

// timedOut ends the process, which may still be at work.
func (in *instance) timedOut(ctx context.Context, timeout time.Duration) error {
	in.kill()
	if errors.Is(ctx.Err(), context.Canceled) {
		return errGone
	}
	return &FunctionError{"Sandbox.Timedout", fmt.Sprintf("Task timed out after %.2f seconds", timeout.Seconds())}
}

func (in *instance) alive() bool { return in.process != nil && in.process.running() }

// kill ends the process and everything that it started.
func (in *instance) kill() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.killed {
		return
	}
	in.killed = true
	if in.process != nil {
		in.process.kill()
	}
	if in.api != nil {
		in.api.close()
	}
	if in.dir != "" {
		_ = os.RemoveAll(in.dir) // a leftover in the work folder harms nobody
	}
}

// log writes a line of the function's output to its log group.
func (in *instance) log(line string) {
	if in.logs {
		in.emulator.note("lambda", in.settings.Name, map[string]any{"log": true, "group": in.settings.logGroup(), "stream": in.stream}, "%s", line)
	}
}

// invocation is a call of a function on its way through the Runtime API.
type invocation struct {
	id, function string
	payload      []byte
	deadline     time.Time
	answer       chan answer
}

type answer struct {
	body []byte
	err  error
}

// runtimeAPI is the Lambda Runtime API of one instance. See "Using the Lambda
// runtime API for custom runtimes".
type runtimeAPI struct {
	server    *http.Server
	listener  net.Listener
	calls     chan *invocation
	ready     chan struct{} // closed at the first request for work
	readyOnce sync.Once
	initError chan error

	mu      sync.Mutex
	current map[string]*invocation
}

const apiVersion = "/2018-06-01/runtime/"

func newRuntimeAPI() (*runtimeAPI, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the Lambda Runtime API can't listen on this machine: %w", err)
	}
	a := &runtimeAPI{
		listener: listener, calls: make(chan *invocation), ready: make(chan struct{}),
		initError: make(chan error, 1), current: map[string]*invocation{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+apiVersion+"invocation/next", a.next)
	mux.HandleFunc("POST "+apiVersion+"invocation/{id}/response", a.response)
	mux.HandleFunc("POST "+apiVersion+"invocation/{id}/error", a.failure)
	mux.HandleFunc("POST "+apiVersion+"init/error", a.initFailure)
	a.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = a.server.Serve(listener) }() // ends with close
	return a, nil
}

func (a *runtimeAPI) address() string { return a.listener.Addr().String() }
func (a *runtimeAPI) close()          { _ = a.server.Close() } // nothing is left to say

func (a *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	a.readyOnce.Do(func() { close(a.ready) })
	select {
	case call := <-a.calls:
		a.mu.Lock()
		a.current[call.id] = call
		a.mu.Unlock()
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", call.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(call.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", call.function)
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-"+newToken(4)+"-"+newToken(12))
		h.Set("Content-Type", "application/json")
		_, _ = w.Write(call.payload) // a process that is gone is noticed elsewhere
	case <-r.Context().Done():
	}
}

// take finds the invocation that a request speaks of.
func (a *runtimeAPI) take(w http.ResponseWriter, r *http.Request) (*invocation, []byte) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxPayload+1))
	a.mu.Lock()
	call := a.current[r.PathValue("id")]
	delete(a.current, r.PathValue("id"))
	a.mu.Unlock()
	if call == nil || err != nil {
		http.Error(w, `{"errorType":"InvalidRequestID"}`, http.StatusBadRequest)
		return nil, nil
	}
	w.WriteHeader(http.StatusAccepted)
	return call, body
}

func (a *runtimeAPI) response(w http.ResponseWriter, r *http.Request) {
	call, body := a.take(w, r)
	switch {
	case call == nil:
	case len(body) > maxPayload:
		call.answer <- answer{err: &FunctionError{"Function.ResponseSizeTooLarge", "the response is larger than 6 MB"}}
	default:
		call.answer <- answer{body: body}
	}
}

func (a *runtimeAPI) failure(w http.ResponseWriter, r *http.Request) {
	if call, body := a.take(w, r); call != nil {
		call.answer <- answer{err: functionError(body)}
	}
}

func (a *runtimeAPI) initFailure(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxPayload)) // what was read says enough
	w.WriteHeader(http.StatusAccepted)
	select {
	case a.initError <- functionError(body):
	default:
	}
}

func functionError(body []byte) error {
	e := &FunctionError{}
	if json.Unmarshal(body, e) != nil || e.Message == "" && e.Type == "" {
		e.Type, e.Message = "Unhandled", strings.TrimSpace(string(body))
	}
	return e
}

// maxUnzipped bounds what an archive may unpack to, in bytes.
const maxUnzipped = 2 << 30

// unzip unpacks an archive into a folder, and nowhere else.
func unzip(data []byte, dir string) error {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	var total uint64
	for _, f := range archive.File {
		if total += f.UncompressedSize64; total > maxUnzipped {
			return fmt.Errorf("the archive unpacks to more than %d bytes", maxUnzipped)
		}
		if !filepath.IsLocal(f.Name) {
			return fmt.Errorf("the archive holds %q, outside of its folder", f.Name)
		}
		if err := extract(f, filepath.Join(dir, filepath.FromSlash(f.Name))); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

func extract(f *zip.File, path string) error {
	if f.FileInfo().IsDir() {
		return os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	if f.Mode()&os.ModeSymlink != 0 {
		target, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		if !filepath.IsLocal(string(target)) {
			return fmt.Errorf("the link leads to %q, outside of the archive", target)
		}
		return os.Symlink(string(target), path)
	}
	// An entry without Unix modes has those of MS-DOS, which execute nothing.
	mode := f.Mode().Perm() | 0o600
	out, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in) // the sizes were bounded above
	// The mode again, because this process has a umask.
	return errors.Join(err, out.Chmod(mode), out.Close())
}
