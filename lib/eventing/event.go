package eventing

import (
	"fmt"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/promotion"
	"delivery.internal/lib/settings"
)

// Event says which events on the delivery bus start a pipeline.
type Event struct {
	// Description is a sentence, shown with the rule.
	Description string
	// Pattern is the event pattern.
	Pattern Pattern
}

// On is what starts the pipeline of an environment: the success of the one
// that it follows, or a push.
func On(r settings.Repository, e promotion.Environment) Event {
	if e.Follows != "" {
		return Deployed(e.Follows)
	}
	return Pushed(r)
}

// Source is where the events come from.
func (e Event) Source() string { return e.Pattern.Source[0] }

// Pushed is a push to the delivered branch, as the receiver publishes it.
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

// Deployed is a successful deployment to an environment, as its deployer
// publishes it.
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
