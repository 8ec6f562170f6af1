package services

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

func TestAnAPIIsThrottledByATokenBucket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clock := time.Now()
	w.c.Now = func() time.Time { return clock }
	w.api("POST /webhook", w.function("f", "web", nil), apiSource)
	w.c.Update(account, typetoken.APIStage, "abc123/$default", func(r *cloud.Resource) {
		r.Inputs = props{"apiId": "abc123", "name": "$default", "defaultRouteSettings": map[string]any{"throttlingRateLimit": 2.0, "throttlingBurstLimit": 3.0}}
	})
	answers := func(n int) (out []int) {
		for range n {
			resp, text, err := w.post(webhookURL, "{}", "application/json")
			require.NoError(t, err)
			out = append(out, resp.StatusCode)
			if resp.StatusCode == http.StatusTooManyRequests {
				require.JSONEq(t, `{"message":"Too Many Requests"}`, text)
			}
		}
		return out
	}
	require.Equal(t, []int{202, 202, 202, 429, 429}, answers(5), "a burst of three")
	clock = clock.Add(500 * time.Millisecond)
	require.Equal(t, []int{202, 429}, answers(2), "then two a second")
	clock = clock.Add(time.Hour)
	require.Equal(t, []int{202, 202, 202, 429}, answers(4), "the bucket holds no more than the burst")
}

func TestAFunctionRunsNoMoreOftenAtOnceThanIsReserved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.function("f", "web", nil)
	w.api("POST /webhook", f, apiSource)
	reserve := func(n float64) {
		w.c.Update(account, typetoken.Function, "f", func(r *cloud.Resource) { r.Inputs["reservedConcurrentExecutions"] = n })
	}
	reserve(0)
	resp, _, err := w.post(webhookURL, "{}", "application/json")
	require.NoError(t, err)
	require.Equal(t, 503, resp.StatusCode)
	require.NoError(t, w.InvokeAsync(f, []byte(`{}`)))
	w.idle() // it does not wait forever

	reserve(1)
	running, _, err := w.Emulator.function(f)
	require.NoError(t, err)
	s := functionSettings{Reserved: new(float64)}
	*s.Reserved = 1
	require.NoError(t, running.enter(s))
	_, err = w.Invoke(t.Context(), f, []byte(`{}`))
	require.ErrorContains(t, err, throttled)
	// What waits for no answer waits for its turn.
	var done sync.WaitGroup
	done.Add(1)
	w.c.Journal.Listen(func(e cloud.Event) {
		if e.Subject == "f" && e.Message == "is throttled: TooManyRequestsException: Rate Exceeded." {
			running.leave()
			w.Wake()
			done.Done()
		}
	})
	require.NoError(t, w.InvokeAsync(f, []byte(`{}`)))
	w.idle()
	done.Wait()
	out, err := w.Invoke(t.Context(), f, []byte(`{}`))
	require.NoError(t, err)
	require.NotEmpty(t, out)
}
