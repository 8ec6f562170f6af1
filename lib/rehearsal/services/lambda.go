package services

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

const (
	lambdaService = "lambda.amazonaws.com"
	// initLimit bounds the start of a function. Lambda allows ten seconds; a
	// busy laptop gets more.
	initLimit = 60 * time.Second
	// asyncRetries is how often Lambda repeats an asynchronous invocation.
	asyncRetries = 2
	// maxPayload is the largest payload of a synchronous invocation, in bytes.
	maxPayload = 6 << 20
	// freshFor is how long credentials must still be good for an invocation.
	freshFor = 16 * time.Minute
)

// function is the running part of a deployed function: its idle instances.
type function struct {
	mu   sync.Mutex
	gone bool
	idle []*instance
	// running is how many invocations are under way.
	running int
	all     map[*instance]bool
}

// functionSettings are the inputs of a function that matter at run time.
type functionSettings struct {
	Name        string  `json:"name"`
	Role        string  `json:"role"`
	Handler     string  `json:"handler"`
	Timeout     float64 `json:"timeout"`
	MemorySize  float64 `json:"memorySize"`
	Environment struct {
		Variables map[string]string `json:"variables"`
	} `json:"environment"`
	Logging struct {
		Group string `json:"logGroup"`
	} `json:"loggingConfig"`
	DeadLetter struct {
		Target string `json:"targetArn"`
	} `json:"deadLetterConfig"`
	// Reserved is the reserved concurrency; nil and -1 stand for none.
	Reserved *float64 `json:"reservedConcurrentExecutions"`
}

func (s functionSettings) logGroup() string {
	if s.Logging.Group != "" {
		return s.Logging.Group
	}
	return "/aws/lambda/" + s.Name
}

func (s functionSettings) timeout() time.Duration {
	if s.Timeout == 0 {
		return 3 * time.Second
	}
	return time.Duration(s.Timeout * float64(time.Second))
}

// FunctionError is what a function itself answered as an error.
type FunctionError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// Error implements error.
func (e *FunctionError) Error() string { return fmt.Sprintf("%s: %s", e.Type, e.Message) }

// Invoke calls a function and returns its answer. A *FunctionError is the
// function's own; the caller is authorised before.
func (r *Emulator) Invoke(ctx context.Context, functionARN string, payload []byte) ([]byte, error) {
	started := time.Now()
	if len(payload) > maxPayload {
		return nil, fail("RequestTooLargeException", "the payload has %d bytes: at most %d are allowed", len(payload), maxPayload)
	}
	f, res, err := r.function(functionARN)
	if err != nil {
		return nil, err
	}
	s, err := settings[functionSettings](res)
	if err != nil {
		return nil, err
	}
	if err := f.enter(s); err != nil {
		r.note("lambda", s.Name, map[string]any{"error": err.Error()}, "is throttled: %v", err)
		return nil, err
	}
	defer r.Wake()
	defer f.leave()
	in, err := r.instance(ctx, f, res, s)
	if err != nil {
		r.note("lambda", s.Name, map[string]any{"error": err.Error()}, "can't be started: %v", err)
		return nil, err
	}
	out, err := in.invoke(ctx, payload, s.timeout())
	took := time.Since(started).Round(time.Millisecond)
	if err != nil {
		r.note("lambda", s.Name, map[string]any{"error": err.Error()}, "failed after %s: %v", took, err)
	} else {
		r.note("lambda", s.Name, map[string]any{"request": len(payload), "response": len(out)}, "answered after %s", took)
	}
	f.release(in, in.alive())
	return out, err
}

// InvokeAsync queues an invocation, as services do that wait for no answer.
func (r *Emulator) InvokeAsync(functionARN string, payload []byte) error {
	if _, _, err := r.function(functionARN); err != nil {
		return err
	}
	r.spawn(func(ctx context.Context) { r.invokeQueued(ctx, functionARN, payload) })
	return nil
}

// invokeQueued repeats what fails, without Lambda's pauses, and gives up to
// the function's own dead-letter queue.
func (r *Emulator) invokeQueued(ctx context.Context, functionARN string, payload []byte) {
	var err error
	for attempt := 0; attempt <= asyncRetries; attempt++ {
		for {
			_, err = r.Invoke(ctx, functionARN, payload)
			if codeOf(err) != throttled || !r.queued(ctx, functionARN) {
				break
			}
		}
		if err == nil || ctx.Err() != nil {
			return
		}
	}
	res := r.cloud.ByARN(functionARN)
	if res == nil {
		return // deleted meanwhile, with what it had to do
	}
	s, _ := settings[functionSettings](res) // it could be read before
	if s.DeadLetter.Target == "" {
		r.note("lambda", s.Name, map[string]any{"error": err.Error()}, "the event is lost, the function has no dead-letter queue: %v", err)
		return
	}
	if lost := r.functionDeadLetter(s, payload, err); lost != nil {
		r.note("lambda", s.Name, map[string]any{"error": lost.Error()}, "the event is lost: %v", lost)
		return
	}
	r.note("lambda", s.Name, map[string]any{"queue": s.DeadLetter.Target}, "the event is in the dead-letter queue: %v", err)
}

// queued waits until a function that was throttled may run again: Lambda keeps
// such an event for up to six hours, which no rehearsal lasts. With a reserved
// concurrency of zero it does not wait. See
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
// and https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
func (r *Emulator) queued(ctx context.Context, functionARN string) bool {
	f, res, err := r.function(functionARN)
	if err != nil {
		return false
	}
	s, err := settings[functionSettings](res)
	if err != nil || s.Reserved != nil && *s.Reserved == 0 {
		return false
	}
	return r.await(ctx, func() bool { return f.free(s) }) == nil
}

// functionDeadLetter sends with the function's role.
func (r *Emulator) functionDeadLetter(s functionSettings, payload []byte, cause error) error {
	session, err := r.cloud.AssumeFor(lambdaService, s.Role, s.Name, nil)
	if err != nil {
		return err
	}
	by := publisher{session: session}
	if arns.Of(s.DeadLetter.Target).Service == "sns" {
		return r.publishFor(by, s.DeadLetter.Target, "", string(payload))
	}
	if err := r.cloud.Authorize(by.call("sqs:SendMessage", s.DeadLetter.Target, nil)); err != nil {
		return err
	}
	return r.send(s.DeadLetter.Target, Message{Body: string(payload), Attributes: map[string]string{"ErrorMessage": cause.Error()}}, by)
}

// functionData is what the cloud keeps of a function: the instances since its
// last change.
type functionData struct {
	mu      sync.Mutex
	current *function
	ended   bool
}

func (d *functionData) now() *function {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.current == nil {
		d.current = &function{all: map[*instance]bool{}, gone: d.ended}
	}
	return d.current
}

// renew ends the instances: the next ones are of the function as it is then.
func (d *functionData) renew() {
	old := d.now()
	d.mu.Lock()
	d.current = nil
	d.mu.Unlock()
	old.kill()
}

// End ends the instances of a function that is removed.
func (d *functionData) End() {
	d.mu.Lock()
	d.ended = true
	d.mu.Unlock()
	d.renew()
}

func (r *Emulator) functionData(res *cloud.Resource) *functionData {
	return cloud.DataOf(r.cloud, res, func() *functionData { return &functionData{} })
}

// function returns the running part of a deployed function.
func (r *Emulator) function(functionARN string) (*function, *cloud.Resource, error) {
	res := r.cloud.ByARN(functionARN)
	if res == nil || res.Type != typetoken.Function {
		return nil, nil, fail("ResourceNotFoundException", "Function not found: %s", functionARN)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, nil, fail("ServiceException", "the local cloud is closed")
	}
	return r.functionData(res).now(), res, nil
}

// endFunctions ends the instances of all functions.
func (r *Emulator) endFunctions() {
	for _, res := range r.cloud.Find("", typetoken.Function, nil) {
		r.functionData(res).End()
	}
}

// instance returns a warm instance, or starts one.
func (r *Emulator) instance(ctx context.Context, f *function, res *cloud.Resource, s functionSettings) (*instance, error) {
	if in := f.warm(r.cloud.Now().Add(freshFor)); in != nil {
		return in, nil
	}
	session, err := r.cloud.AssumeFor(lambdaService, s.Role, s.Name, nil)
	if err != nil {
		return nil, fail("InvalidParameterValueException", "the role of %s can't be assumed: %v", s.Name, err)
	}
	in := &instance{emulator: r, settings: s, account: res.Account, arn: res.ARN, session: session, stream: logStream(r.cloud.Now())}
	in.logs = r.openLog(session, s.logGroup(), in.stream) == nil
	if !in.logs {
		r.note("lambda", s.Name, nil, "what the function writes is lost: its role may not write to the log group %s, or the group is missing", s.logGroup())
	}
	if !f.add(in) {
		return nil, fail("ResourceConflictException", "the function %s is being replaced", s.Name)
	}
	if err := in.start(ctx, r.cloud.Blob(res.ARN)); err != nil {
		f.release(in, false)
		return nil, err
	}
	return in, nil
}

// warm takes an idle instance whose credentials last until then.
func (f *function) warm(until time.Time) *instance {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.idle) > 0 {
		in := f.idle[len(f.idle)-1]
		f.idle = f.idle[:len(f.idle)-1]
		if in.alive() && in.session.Expires.After(until) {
			return in
		}
		delete(f.all, in)
		go in.kill()
	}
	return nil
}

func (f *function) add(in *instance) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone {
		return false
	}
	f.all[in] = true
	return true
}

// release keeps an instance for the next invocation, or ends it.
func (f *function) release(in *instance, keep bool) {
	f.mu.Lock()
	if keep && !f.gone {
		f.idle = append(f.idle, in)
		f.mu.Unlock()
		return
	}
	delete(f.all, in)
	f.mu.Unlock()
	in.kill()
}

func (f *function) kill() {
	f.mu.Lock()
	f.gone = true
	all := slices.Collect(maps.Keys(f.all))
	f.idle = nil
	f.mu.Unlock()
	for _, in := range all {
		in.kill()
	}
}

// logStream is how Lambda names the stream of an instance.
func logStream(now time.Time) string {
	return now.UTC().Format("2006/01/02") + "/[$LATEST]" + newToken(16)
}

// openLog makes a log stream in somebody's name. Where the group is missing,
// the services try to make it, without retention.
func (r *Emulator) openLog(session *cloud.Session, group, stream string) error {
	groupARN := cloud.ARN("logs", session.Account, "log-group:"+group)
	if r.cloud.Get(session.Account, typetoken.LogGroup, group) == nil {
		if err := r.cloud.Authorize(cloud.Call{Session: session, Action: "logs:CreateLogGroup", Resource: groupARN}); err != nil {
			return err
		}
		made := &cloud.Resource{Type: typetoken.LogGroup, ID: group, Account: session.Account, ARN: groupARN, Name: group, Inputs: map[string]any{"name": group}}
		if err := r.cloud.Add(made); err != nil && r.cloud.Get(session.Account, typetoken.LogGroup, group) == nil {
			return err
		}
	}
	for _, action := range []string{"logs:CreateLogStream", "logs:PutLogEvents"} {
		if err := r.cloud.Authorize(cloud.Call{Session: session, Action: action, Resource: groupARN + ":log-stream:" + stream}); err != nil {
			return err
		}
	}
	return nil
}

// environment is everything that the function's process gets.
func (in *instance) environment() []string {
	s := in.settings
	env := append(in.session.Env(),
		"AWS_REGION="+cloud.Region, "AWS_DEFAULT_REGION="+cloud.Region,
		"AWS_LAMBDA_FUNCTION_NAME="+s.Name, "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE="+strconv.Itoa(int(max(s.MemorySize, 128))),
		"AWS_LAMBDA_LOG_GROUP_NAME="+s.logGroup(), "AWS_LAMBDA_LOG_STREAM_NAME="+in.stream,
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand", "AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"AWS_LAMBDA_RUNTIME_API="+in.api.address(), "_HANDLER="+s.Handler, "LAMBDA_TASK_ROOT="+in.dir,
		"TZ=:UTC", "LANG=en_US.UTF-8", "PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin",
		"AWS_ENDPOINT_URL="+in.emulator.o.Endpoint,
	)
	for _, k := range slices.Sorted(maps.Keys(s.Environment.Variables)) {
		env = append(env, k+"="+s.Environment.Variables[k])
	}
	return env
}

// errGone is the answer of an instance that was ended.
var errGone = errors.New("the instance was ended: the function was changed or removed")
