package provider

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/aws/eventbridge"
	"delivery.internal/lib/aws/eventpattern"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/iam"
	"delivery.internal/lib/rehearsal/cloud"
)

const (
	maxTargets    = 5    // of a rule; see "Amazon EventBridge quotas"
	maxPattern    = 2048 // characters
	eventsService = "events.amazonaws.com"
)

// eventsKinds: constraints from the API model of EventBridge (CreateEventBus,
// PutRule, PutTargets).
func eventsKinds() []Kind { return []Kind{eventBus(), eventBusPolicy(), eventRule(), eventTarget()} }

func eventBus() Kind {
	return Kind{
		Token: typetoken.EventBus, Name: "name", ARN: arnOf("events", "event-bus/"),
		Inputs: map[string]Input{
			"name":             named(awsname.Bus).replaces(),
			"description":      text.between(0, 512),
			"eventSourceName":  text.match(`aws\.partner(/[.\-_A-Za-z0-9]+){2,}`).between(1, 256).replaces(),
			"kmsKeyIdentifier": text.between(0, 2048),
			"deadLetterConfig": object(map[string]Input{"arn": text.refers("arn", typetoken.Queue)}),
			"tags":             tags,
		},
		Plan: func(c *Call) error {
			f, name, partner := &failed{}, c.Str("name"), c.Str("eventSourceName")
			f.when(name == eventbridge.DefaultBus, "ResourceAlreadyExistsException: Event bus default already exists")
			f.when(strings.Contains(name, "/") && name != partner, "name is %q: names with / are for partner event buses", name)
			return f.err()
		},
		Outputs: func(c *Call) (map[string]any, error) {
			return nil, errors.Join(c.useKey("kmsKeyIdentifier", c.Str("kmsKeyIdentifier"), "events", "kms:DescribeKey"), c.authorizeTags("events:TagResource", "events:UntagResource"))
		},
		Delete: func(c *Call) error {
			if r := c.Cloud.First(c.Account, typetoken.EventRule, func(r *cloud.Resource) bool { return eventbridge.BusName(r.Str("eventBusName")) == c.Name }); r != nil {
				return apierr.BadRequest("ValidationException", "event bus %s can't be deleted since it has rules: %s", c.Name, r.Name)
			}
			return nil
		},
		Actions: Actions{
			Create: []string{"events:CreateEventBus", "events:DescribeEventBus", "events:ListTagsForResource"},
			Read:   []string{"events:DescribeEventBus", "events:ListTagsForResource"},
			Update: []string{"events:UpdateEventBus", "events:DescribeEventBus"}, Delete: []string{"events:DeleteEventBus"},
		},
	}
}

// eventBusPolicy is set by PutPermission and removed by RemovePermission, for
// which AWS knows no resource. See
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_events.html
func eventBusPolicy() Kind {
	return Kind{
		Token: typetoken.EventBusPolicy,
		ID:    func(c *Call) string { return eventbridge.BusName(c.Str("eventBusName")) },
		Slot:  []string{"eventBusName"},
		Inputs: map[string]Input{
			"eventBusName": named(awsname.Bus).def(eventbridge.DefaultBus).replaces(),
			"policy":       text.required().policy(iam.Resource("events")),
		},
		Outputs: func(c *Call) (map[string]any, error) {
			bus := eventbridge.BusName(c.Str("eventBusName"))
			arn := arnOf("events", "event-bus/")(c.Account, bus)
			return nil, errors.Join(c.busExists(bus), c.ownPolicy("events", arn),
				c.authorizeAlso("*", nil, "events:PutPermission"), c.authorizeAlso(arn, nil, "events:DescribeEventBus"))
		},
		Delete: func(c *Call) error { return c.authorizeAlso("*", nil, "events:RemovePermission") },
	}
}

func (c *Call) busExists(bus string) error {
	if bus != eventbridge.DefaultBus && findReferred(c, Reference{Types: []string{typetoken.EventBus}, By: "name"}, bus) == nil {
		return apierr.BadRequest("ResourceNotFoundException", "Event bus %s does not exist", bus)
	}
	return nil
}

// A rule is unique on its bus: its id says so, not its name.
func eventRule() Kind {
	return Kind{
		Token: typetoken.EventRule, ARN: arnOf("events", "rule/"),
		ID: func(c *Call) string { return eventbridge.RulePath(c.Str("eventBusName"), c.Str("name")) },
		Inputs: map[string]Input{
			"name":               named(awsname.EventRule).required().replaces(),
			"namePrefix":         text.replaces(),
			"description":        text.between(0, 512),
			"eventBusName":       text.match(`(arn:aws:events:[a-z0-9-]+:[0-9]{12}:event-bus/)?`+awsname.Bus.Pattern).between(1, 1600).def(eventbridge.DefaultBus).replaces(),
			"eventPattern":       text.between(1, maxPattern),
			"scheduleExpression": text.between(1, 256),
			"state":              text.enum("ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS").def("ENABLED"),
			"isEnabled":          flag,
			"roleArn":            roleARN,
			"forceDestroy":       flag.def(false),
			"tags":               tags,
		},
		Plan: planEventRule,
		Outputs: func(c *Call) (map[string]any, error) {
			c.Name = c.Str("name")
			var out map[string]any
			if c.Inputs["isEnabled"] == false {
				out = map[string]any{"state": "DISABLED"}
			}
			return out, errors.Join(c.busExists(eventbridge.BusName(c.Str("eventBusName"))), c.handOver(c.Str("roleArn"), eventsService, c.ARN),
				c.authorizeTags("events:TagResource", "events:UntagResource"))
		},
		Delete: func(c *Call) error {
			if c.Cloud.First(c.Account, typetoken.EventTarget, func(r *cloud.Resource) bool { return ruleOf(r) == c.ID }) != nil {
				return apierr.BadRequest("ValidationException", "Rule can't be deleted since it has targets: %s", c.ID)
			}
			return nil
		},
		Actions: Actions{
			Create: []string{"events:PutRule", "events:DescribeRule", "events:ListTagsForResource"},
			Read:   []string{"events:DescribeRule", "events:ListTagsForResource"},
			Update: []string{"events:PutRule", "events:DescribeRule"}, Delete: []string{"events:DeleteRule"},
		},
	}
}

// ruleOf is the id of a target's rule.
func ruleOf(target *cloud.Resource) string {
	return eventbridge.RulePath(target.Str("eventBusName"), target.Str("rule"))
}

var (
	rateExpression = regexp.MustCompile(`^rate\(([1-9][0-9]*) (minutes?|hours?|days?)\)$`)
	cronExpression = regexp.MustCompile(`^cron\(\S+ \S+ \S+ \S+ \S+ \S+\)$`)
)

func planEventRule(c *Call) error {
	f := &failed{}
	f.atMostOne(c, "isEnabled", "state")
	f.atMostOne(c, "name", "namePrefix")
	f.when(!c.isGiven("eventPattern") && !c.isGiven("scheduleExpression"), "eventPattern or scheduleExpression is required")
	if s := c.Str("scheduleExpression"); s != "" {
		m := rateExpression.FindStringSubmatch(s)
		f.when(m == nil && !cronExpression.MatchString(s), "scheduleExpression is %q: expected rate(5 minutes) or cron(0 12 * * ? *)", s)
		f.when(m != nil && (m[1] == "1") == strings.HasSuffix(m[2], "s"), "scheduleExpression is %q: the unit is singular for 1 and plural for more", s)
		f.when(eventbridge.BusName(c.Str("eventBusName")) != eventbridge.DefaultBus, "ScheduleExpression is supported only on the default event bus")
	}
	if p := c.Str("eventPattern"); p != "" {
		if _, err := eventpattern.Compile(p); err != nil {
			f.errs = append(f.errs, fmt.Errorf("InvalidEventPatternException: Event pattern is not valid. Reason: %w", err))
		}
	}
	return f.err()
}

func eventTarget() Kind {
	queue := text.refers("arn", typetoken.Queue)
	return Kind{
		Token: typetoken.EventTarget,
		ID: func(c *Call) string {
			id := c.Str("rule") + "-" + cmp.Or(c.Str("targetId"), "terraform-"+uuid(c))
			if bus := eventbridge.BusName(c.Str("eventBusName")); bus != eventbridge.DefaultBus {
				id = bus + "-" + id
			}
			return id
		},
		Inputs: map[string]Input{
			"rule":         named(awsname.EventRule).required().replaces(),
			"targetId":     named(awsname.EventRule).replaces().computed(),
			"eventBusName": text.between(1, 1600).def(eventbridge.DefaultBus).replaces(),
			"arn":          text.match(anyARN).required().between(1, 1600),
			"roleArn":      roleARN,
			"input":        text.between(1, 8192),
			"inputPath":    text.between(1, 256),
			"inputTransformer": object(map[string]Input{
				"inputPaths":    mapOf(text),
				"inputTemplate": text.required().between(1, 8192),
			}),
			"deadLetterConfig": object(map[string]Input{"arn": queue}),
			"retryPolicy": object(map[string]Input{
				"maximumEventAgeInSeconds": number.between(60, 86400),
				"maximumRetryAttempts":     number.between(0, 185),
			}),
			"sqsTarget":               object(map[string]Input{"messageGroupId": text.between(0, 100)}),
			"kinesisTarget":           object(map[string]Input{"partitionKeyPath": text.between(0, 256)}),
			"httpTarget":              object(map[string]Input{"headerParameters": mapOf(text), "pathParameterValues": list(text), "queryStringParameters": mapOf(text)}),
			"forceDestroy":            flag.def(false),
			"appsyncTarget":           blob,
			"batchTarget":             blob,
			"ecsTarget":               blob,
			"redshiftTarget":          blob,
			"runCommandTargets":       list(blob),
			"sagemakerPipelineTarget": blob,
		},
		Plan:    planEventTarget,
		Outputs: eventTargetOutputs,
		Delete:  func(c *Call) error { return c.authorizeAlso(targetRuleARN(c), nil, "events:RemoveTargets") },
	}
}

func targetRuleARN(c *Call) string {
	return arnOf("events", "rule/")(c.Account, eventbridge.RulePath(c.Str("eventBusName"), c.Str("rule")))
}

func eventTargetOutputs(c *Call) (map[string]any, error) {
	bus := eventbridge.BusName(c.Str("eventBusName"))
	id := eventbridge.RulePath(bus, c.Str("rule"))
	rule := c.Cloud.Get(c.Account, typetoken.EventRule, id)
	if rule == nil {
		return nil, apierr.BadRequest("ResourceNotFoundException", "Rule %s does not exist on EventBus %s", c.Str("rule"), bus)
	}
	f := &failed{}
	others := c.Cloud.Find(c.Account, typetoken.EventTarget, func(r *cloud.Resource) bool { return ruleOf(r) == id && r.ID != c.ID })
	f.when(len(others) >= maxTargets, "LimitExceededException: The requested resource exceeds the maximum number allowed: rule %s has %d targets", id, len(others))
	f.errs = append(f.errs, targetReachable(c), c.handOver(c.Str("roleArn"), eventsService, rule.ARN),
		c.authorizeAlso(rule.ARN, map[string][]string{"events:TargetArn": {c.Str("arn")}}, "events:PutTargets"), c.authorizeAlso(rule.ARN, nil, "events:ListTargetsByRule"))
	// The id is the rule and the target's own id, which the provider makes up if
	// none is given.
	_, made, _ := strings.Cut(c.ID, c.Str("rule")+"-")
	return map[string]any{"targetId": cmp.Or(c.Str("targetId"), made)}, f.err()
}

// withoutRole are the services that are reached by their resource policy. See
// "Using resource-based policies for Amazon EventBridge": all others need a role.
var withoutRole = []string{"lambda", "sns", "sqs", "logs", "events"}

// targetReachable is stricter than PutTargets, which takes any ARN: what does
// not exist would never be reached.
func targetReachable(c *Call) error {
	arn := c.Str("arn")
	service := arns.Of(arn).Service
	if !slices.Contains(withoutRole, service) && c.Str("roleArn") == "" {
		return apierr.BadRequest("ValidationException", "RoleArn is required for target %s", arn)
	}
	if c.Cloud.ByARN(strings.TrimSuffix(arn, ":*")) == nil && !strings.HasSuffix(arn, ":event-bus/"+eventbridge.DefaultBus) {
		return apierr.BadRequest("ResourceNotFoundException", "the target %s does not exist", arn)
	}
	return nil
}

func planEventTarget(c *Call) error {
	f := &failed{}
	f.atMostOne(c, "input", "inputPath", "inputTransformer")
	if in := c.Str("input"); in != "" {
		f.when(!json.Valid([]byte(in)), "input is not JSON text: %s", in)
	}
	if p := c.Str("inputPath"); p != "" {
		if err := eventbridge.CheckPath(p); err != nil {
			f.add("inputPath: %w", err)
		}
	}
	if t, ok := c.Inputs["inputTransformer"].(map[string]any); ok {
		f.errs = append(f.errs, transformerOf(t).Check())
	}
	f.when(c.isGiven("sqsTarget") && c.Str("arn") != "" && !strings.HasSuffix(c.Str("arn"), ".fifo"), "sqsTarget belongs to FIFO queues")
	return f.err()
}

func transformerOf(input map[string]any) eventbridge.Transformer {
	t := eventbridge.Transformer{Template: str(input, "inputTemplate"), Paths: map[string]string{}}
	paths, _ := input["inputPaths"].(map[string]any)
	for name := range paths {
		t.Paths[name] = str(paths, name)
	}
	return t
}
