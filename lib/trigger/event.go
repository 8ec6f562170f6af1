package trigger

import (
	"bytes"
	"encoding/json"
	"fmt"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/settings"
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
			Source:     []string{contract.PushSource},
			DetailType: []string{contract.PushDetailType},
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
			Source:     []string{contract.DeploymentSource(string(env))},
			DetailType: []string{contract.DeploymentDetailType},
			Detail:     map[string][]string{"environment": {string(env)}, "outcome": {contract.Succeeded}},
		},
	}
}

// asJSON leaves the placeholders' angle brackets as they are.
func asJSON(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return string(bytes.TrimSpace(b.Bytes())), err
}
