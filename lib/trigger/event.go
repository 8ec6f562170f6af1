package trigger

import (
	"bytes"
	"encoding/json"
	"fmt"

	"delivery/lib/delivery"
	"delivery/lib/naming"
	"delivery/lib/settings"
)

// Event says which events on the delivery bus start a pipeline.
type Event struct {
	// Description is a sentence, shown with the rule.
	Description string
	// Pattern is the event pattern.
	Pattern Pattern
}

// Pattern is an event pattern: each field must have one of the values.
type Pattern struct {
	Source     []string            `json:"source"`
	DetailType []string            `json:"detail-type"`
	Detail     map[string][]string `json:"detail"`
}

// Pushed is a push to the delivered branch, as the receiver makes it known.
func Pushed(r settings.Repository) Event {
	return Event{
		Description: "A push to the delivered branch",
		Pattern: Pattern{
			Source:     []string{delivery.PushSource},
			DetailType: []string{delivery.PushDetailType},
			Detail:     map[string][]string{"repository": {r.FullName()}, "branch": {r.Branch}},
		},
	}
}

// Deployed is a successful deployment to an environment, as its deployer makes
// it known.
func Deployed(env naming.Environment) Event {
	return Event{
		Description: fmt.Sprintf("A successful deployment to %s", env),
		Pattern: Pattern{
			Source:     []string{delivery.DeploymentSource(string(env))},
			DetailType: []string{delivery.DeploymentDetailType},
			Detail:     map[string][]string{"environment": {string(env)}, "outcome": {delivery.Succeeded}},
		},
	}
}

// startInput pins the execution to the event's commit, and hands the commit on
// as a variable too: AWS documents the pinning for other sources than
// connections, so the deployer compares the two.
type startInput struct {
	Revisions []revision `json:"sourceRevisions"`
	Variables []variable `json:"variables"`
}

type revision struct {
	Action string `json:"actionName"`
	Type   string `json:"revisionType"`
	Value  string `json:"revisionValue"`
}

type variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// startPaths are the parts of an event that startTemplate uses. A push and a
// deployment have them under the same names.
var startPaths = map[string]string{"commit": "$.detail.commit", "delivery": "$.detail.delivery", "pusher": "$.detail.pusher"}

func startTemplate() (string, error) {
	return asJSON(startInput{
		Revisions: []revision{{delivery.SourceAction, "COMMIT_ID", "<commit>"}},
		Variables: []variable{
			{delivery.VarCommit, "<commit>"},
			{delivery.VarDelivery, "<delivery>"},
			{delivery.VarPusher, "<pusher>"},
		},
	})
}

// asJSON leaves the placeholders' angle brackets as they are.
func asJSON(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return string(bytes.TrimSpace(b.Bytes())), err
}
