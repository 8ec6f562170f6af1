package services

import (
	"sync"
	"time"

	"delivery.internal/lib/rehearsal/cloud"
)

// throttled is what Lambda answers when a function may not run once more.
const throttled = "TooManyRequestsException"

// apiStageSettings are the inputs of a stage that matter at run time. A rate or
// burst of zero is one that nobody set: then the account's own, 10,000 and 5,000
// requests a second, which nothing here reaches.
type apiStageSettings struct {
	Default struct {
		Rate  float64 `json:"throttlingRateLimit"`
		Burst float64 `json:"throttlingBurstLimit"`
	} `json:"defaultRouteSettings"`
	Routes []struct {
		Key string `json:"routeKey"`
	} `json:"routeSettings"`
}

// buckets are the tokens of a stage's routes.
type buckets struct {
	mu      sync.Mutex
	byRoute map[string]*bucket
}

// bucket is a token bucket: "API Gateway throttles requests to your API using
// the token bucket algorithm, where a token counts for a request", in which "the
// burst limit" is "the maximum bucket size". AWS calls the limits targets "on a
// best-effort basis"; here they are exact. See
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html
type bucket struct {
	tokens float64
	at     time.Time
}

// take takes a token, if there is one.
func (b *bucket) take(now time.Time, rate, burst float64) bool {
	elapsed := max(now.Sub(b.at), 0) // tests move the clock
	b.tokens = min(burst, b.tokens+elapsed.Seconds()*rate)
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// admit says whether a request on a route is let in. The default settings of a
// stage hold for each of its routes apart.
func (r *Emulator) admit(to *route) bool {
	s, err := settings[apiStageSettings](to.stage)
	if err != nil {
		return false
	}
	if len(s.Routes) > 0 {
		r.note("unplayed", "execute-api", nil, "%s: settings of single routes are not played", to.stage.ID)
		return false
	}
	if s.Default.Rate == 0 || s.Default.Burst == 0 {
		return true
	}
	all := cloud.DataOf(r.cloud, to.stage, func() *buckets { return &buckets{byRoute: map[string]*bucket{}} })
	all.mu.Lock()
	defer all.mu.Unlock()
	now := r.cloud.Now()
	if all.byRoute[to.key] == nil {
		all.byRoute[to.key] = &bucket{tokens: s.Default.Burst, at: now}
	}
	return all.byRoute[to.key].take(now, s.Default.Rate, s.Default.Burst)
}

// enter counts an invocation of a function, unless as many run already as are
// reserved for it: "reserved concurrency" is "the maximum number of concurrent
// instances" of a function, see
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
func (f *function) enter(s functionSettings) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.Reserved != nil && *s.Reserved >= 0 && float64(f.running) >= *s.Reserved {
		return fail(throttled, "Rate Exceeded.")
	}
	f.running++
	return nil
}

func (f *function) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running--
}

// free says whether another invocation may enter.
func (f *function) free(s functionSettings) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return s.Reserved == nil || *s.Reserved < 0 || float64(f.running) < *s.Reserved
}

// EndInstances ends the instances of a function, as Lambda does whenever it
// likes: what runs dies, and the next invocation starts a new one.
func (r *Emulator) EndInstances(functionARN string) {
	if res := r.cloud.ByARN(functionARN); res != nil {
		r.functionData(res).renew()
	}
}
