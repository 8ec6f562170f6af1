package eventing

import (
	"fmt"

	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
)

// Publisher is a role that puts events on the bus, of one source and one
// detail type.
type Publisher struct {
	RoleARN, Source, DetailType string
}

// Allow is the statement of the publisher's own policy. Both keys have as many
// values as the request has events: every one must be the publisher's, and
// there must be one. See
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
func (p Publisher) Allow(busARN string) iampolicy.Statement {
	return iampolicy.Allow("events:PutEvents").On(busARN).When(
		iampolicy.Is("ForAllValues:StringEquals", "events:source", p.Source),
		iampolicy.Is("ForAllValues:StringEquals", "events:detail-type", p.DetailType),
		iampolicy.Is("Null", "events:source", "false"),
		iampolicy.Is("Null", "events:detail-type", "false"),
	)
}

// policy denies, because within the account an identity policy suffices to put
// events, and any administrator has one. A service has no aws:PrincipalArn and
// is denied as well. Whoever may change the policy can still lift it; that is
// in the audit trail.
func (a *BusArgs) policy() (string, error) {
	busARN := a.Scope.Bus(a.Names.Of(naming.DeliveryBus))
	deny := func(sid string, conditions ...iampolicy.Condition) iampolicy.Statement {
		return iampolicy.Deny("events:PutEvents").Named(sid).ToEveryone().On(busARN).When(conditions...)
	}
	var roles []string
	for _, p := range a.Publishers {
		roles = append(roles, p.RoleARN)
	}
	statements := []iampolicy.Statement{
		deny("DenyStrangers", iampolicy.Is("StringNotEquals", "aws:PrincipalArn", roles...)),
		deny("DenyWithoutSource", iampolicy.Is("Null", "events:source", "true")),
		deny("DenyWithoutDetailType", iampolicy.Is("Null", "events:detail-type", "true")),
	}
	for i, p := range a.Publishers {
		is := iampolicy.StringEquals("aws:PrincipalArn", p.RoleARN)
		statements = append(statements,
			deny(fmt.Sprintf("DenyForeignSource%d", i), is, iampolicy.Is("ForAnyValue:StringNotEquals", "events:source", p.Source)),
			deny(fmt.Sprintf("DenyForeignDetailType%d", i), is, iampolicy.Is("ForAnyValue:StringNotEquals", "events:detail-type", p.DetailType)))
	}
	return iampolicy.New(statements...).JSON()
}
