package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"delivery/lib/rehearsal/cloud"
	"delivery/lib/rehearsal/iam"
)

// Type tokens of messages and events.
const (
	topicType    = "aws:sns/topic:Topic"
	queueType    = "aws:sqs/queue:Queue"
	busType      = "aws:cloudwatch/eventBus:EventBus"
	ruleType     = "aws:cloudwatch/eventRule:EventRule"
	targetType   = "aws:cloudwatch/eventTarget:EventTarget"
	logGroupType = "aws:cloudwatch/logGroup:LogGroup"
)

// SNS: see CreateTopic, Subscribe in the SNS API.
func basicSNS() []Kind {
	return []Kind{{
		Token: topicType, Name: "name", ARN: arnOf("sns", ""),
		ID: func(c *Call) string { return arnOf("sns", "")(c.Account, c.Name) },
		Inputs: map[string]Input{
			"name": text.match(`[A-Za-z0-9_-]{1,256}(\.fifo)?`).replaces(), "displayName": text.between(0, 100), "kmsMasterKeyId": text, "policy": text.policy(iam.Resource("sns")).computed(),
			"fifoTopic": flag.def(false).replaces(), "contentBasedDeduplication": flag.def(false), "deliveryPolicy": text, "tracingConfig": text.enum("PassThrough", "Active").computed(), "signatureVersion": number.computed(), "tags": tags,
		},
		Computed: []string{"owner"},
		Outputs: func(c *Call) (map[string]any, error) {
			return map[string]any{"owner": c.Account}, keyExists(c, c.Str("kmsMasterKeyId"))
		},
		Actions: Actions{
			Create: []string{"sns:CreateTopic", "sns:SetTopicAttributes"}, Read: []string{"sns:GetTopicAttributes", "sns:ListTagsForResource"},
			Update: []string{"sns:SetTopicAttributes"}, Delete: []string{"sns:DeleteTopic"},
		},
	}, {
		Token: cloud.TopicPolicyType, ID: joined("", "arn"), Slot: []string{"arn"},
		Inputs:  map[string]Input{"arn": text.required().replaces().refers("arn", topicType), "policy": text.required().policy(iam.Resource("sns"))},
		Plan:    onlyAbout("arn"),
		Actions: Actions{Create: []string{"sns:SetTopicAttributes"}, Read: []string{"sns:GetTopicAttributes"}, Update: []string{"sns:SetTopicAttributes"}, Delete: []string{"sns:SetTopicAttributes"}},
	}, {
		Token: "aws:sns/topicSubscription:TopicSubscription",
		ID:    func(c *Call) string { return fmt.Sprintf("%s:%08d", c.Str("topic"), c.Cloud.Serial()) },
		Slot:  []string{"topic", "protocol", "endpoint"},
		Inputs: map[string]Input{
			"topic": text.required().replaces().refers("arn", topicType), "protocol": text.required().enum("email", "email-json", "sqs", "lambda", "https", "sms").replaces(), "endpoint": text.required().replaces(),
			"rawMessageDelivery": flag.def(false), "filterPolicy": text, "filterPolicyScope": text.computed(), "redrivePolicy": text, "endpointAutoConfirms": flag.def(false), "confirmationTimeoutInMinutes": number.def(1.0), "deliveryPolicy": text,
		},
		Plan: func(c *Call) error {
			if c.Str("protocol") == "email" && !c.Unknown["endpoint"] && !strings.Contains(c.Str("endpoint"), "@") {
				return fmt.Errorf("endpoint is %q: expected an e-mail address", c.Str("endpoint"))
			}
			return nil
		},
		Computed: []string{"arn", "ownerId", "pendingConfirmation"},
		Outputs: func(c *Call) (map[string]any, error) {
			return map[string]any{"arn": c.ID, "ownerId": c.Account, "pendingConfirmation": c.Str("protocol") == "email"}, nil
		},
		Actions: Actions{Create: []string{"sns:Subscribe"}, Read: []string{"sns:GetSubscriptionAttributes"}, Update: []string{"sns:SetSubscriptionAttributes"}, Delete: []string{"sns:Unsubscribe"}},
	}}
}

// keyExists accepts a key's ARN, id or alias; an alias of AWS always exists.
func keyExists(c *Call, key string) error {
	if key == "" || strings.HasPrefix(key, "alias/aws/") {
		return nil
	}
	if find(c, Reference{Types: []string{cloud.KeyType, aliasType}, By: "arn,id,name"}, key) == nil {
		return fmt.Errorf("KMSNotFoundException: key %s does not exist", key)
	}
	return nil
}

// onlyAbout refuses statements of a resource policy about other resources.
func onlyAbout(input string) func(*Call) error {
	return func(c *Call) error {
		if c.Str(input) == "" || c.Str("policy") == "" {
			return nil
		}
		var doc struct{ Statement []struct{ Resource any } }
		if err := json.Unmarshal([]byte(c.Str("policy")), &doc); err != nil {
			return err
		}
		for _, s := range doc.Statement {
			for _, r := range texts(s.Resource) {
				if r != c.Str(input) {
					return fmt.Errorf("policy speaks of %s: expected %s alone", r, c.Str(input))
				}
			}
		}
		return nil
	}
}

// SQS: see CreateQueue in the SQS API.
func basicSQS() []Kind {
	url := func(account, name string) string {
		return fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/%s", cloud.Region, account, name)
	}
	attributes := Actions{Create: []string{"sqs:SetQueueAttributes"}, Read: []string{"sqs:GetQueueAttributes"}, Update: []string{"sqs:SetQueueAttributes"}, Delete: []string{"sqs:SetQueueAttributes"}}
	return []Kind{{
		Token: queueType, Name: "name", ARN: arnOf("sqs", ""),
		ID: func(c *Call) string { return url(c.Account, c.Name) },
		Inputs: map[string]Input{
			"name": text.match(`[A-Za-z0-9_-]{1,75}(\.fifo)?|[A-Za-z0-9_-]{1,80}`).replaces(), "sqsManagedSseEnabled": flag.computed(), "kmsMasterKeyId": text, "kmsDataKeyReusePeriodSeconds": number.between(60, 86400).computed(),
			"messageRetentionSeconds": number.between(60, 1209600).def(345600.0), "visibilityTimeoutSeconds": number.between(0, 43200).def(30.0), "delaySeconds": number.between(0, 900).def(0.0),
			"receiveWaitTimeSeconds": number.between(0, 20).def(0.0), "maxMessageSize": number.between(1024, 1048576).def(262144.0), "fifoQueue": flag.def(false).replaces(), "contentBasedDeduplication": flag.def(false),
			"policy": text.policy(iam.Resource("sqs")).computed(), "redrivePolicy": text, "redriveAllowPolicy": text.computed(), "tags": tags,
		},
		Plan: func(c *Call) error {
			if c.Str("kmsMasterKeyId") != "" && c.Inputs["sqsManagedSseEnabled"] == true {
				return errors.New("kmsMasterKeyId and sqsManagedSseEnabled exclude each other")
			}
			return nil
		},
		Computed: []string{"url"},
		Outputs: func(c *Call) (map[string]any, error) {
			return map[string]any{"url": c.ID}, errors.Join(redrives(c), keyExists(c, c.Str("kmsMasterKeyId")))
		},
		Actions: Actions{
			Create: []string{"sqs:CreateQueue", "sqs:TagQueue"}, Read: []string{"sqs:GetQueueAttributes", "sqs:ListQueueTags"},
			Update: []string{"sqs:SetQueueAttributes"}, Delete: []string{"sqs:DeleteQueue"},
		},
	}, {
		Token: cloud.QueuePolicyType, ID: joined("", "queueUrl"), Slot: []string{"queueUrl"},
		Inputs:  map[string]Input{"queueUrl": text.required().replaces().refers("id", queueType), "policy": text.required().policy(iam.Resource("sqs"))},
		Actions: attributes,
	}}
}

// redrives: the dead-letter queue must exist, in the same account.
func redrives(c *Call) error {
	if c.Str("redrivePolicy") == "" {
		return nil
	}
	var policy struct {
		Target string `json:"deadLetterTargetArn"`
		Max    any    `json:"maxReceiveCount"`
	}
	if err := json.Unmarshal([]byte(c.Str("redrivePolicy")), &policy); err != nil || policy.Target == "" || policy.Max == nil {
		return fmt.Errorf("InvalidParameterValue: redrivePolicy is %q: expected JSON with deadLetterTargetArn and maxReceiveCount", c.Str("redrivePolicy"))
	}
	if find(c, Reference{Types: []string{queueType}, By: "arn"}, policy.Target) == nil {
		return fmt.Errorf("InvalidParameterValue: redrivePolicy names the dead-letter queue %s, which does not exist", policy.Target)
	}
	return nil
}

// EventBridge: see CreateEventBus, PutRule and PutTargets in its API.
func basicEvents() []Kind {
	return []Kind{{
		Token: busType, Name: "name", ARN: arnOf("events", "event-bus/"),
		Inputs: map[string]Input{
			"name": text.match(`[/.\-_A-Za-z0-9]{1,256}`).replaces(), "description": text.between(0, 512), "eventSourceName": text.replaces(), "kmsKeyIdentifier": keyARN,
			"deadLetterConfig": object(map[string]Input{"arn": text.refers("arn", queueType)}), "tags": tags,
		},
		Plan: func(c *Call) error {
			if n := c.Str("name"); n == "default" || strings.HasPrefix(n, "aws.") || strings.Contains(n, "/") {
				return fmt.Errorf("name is %q: default, names with / and names that begin with aws. are reserved", n)
			}
			return nil
		},
		Delete: func(c *Call) error {
			if r := c.Cloud.First(c.Account, ruleType, func(r *cloud.Resource) bool { return r.Str("eventBusName") == c.Name }); r != nil {
				return fmt.Errorf("ValidationException: event bus %s can't be deleted since it has rules: %s", c.Name, r.Name)
			}
			return nil
		},
		Actions: Actions{Create: []string{"events:CreateEventBus"}, Read: []string{"events:DescribeEventBus"}, Update: []string{"events:UpdateEventBus"}, Delete: []string{"events:DeleteEventBus"}},
	}, {
		Token: ruleType, Name: "name",
		ID: func(c *Call) string {
			if b := bus(c); b != "default" {
				return b + "/" + c.Name
			}
			return c.Name
		},
		Inputs: map[string]Input{
			"name": text.match(`[.\-_A-Za-z0-9]{1,64}`).replaces(), "description": text.between(0, 512), "eventBusName": text.def("default").replaces(), "eventPattern": text.between(0, 2048), "scheduleExpression": text.between(0, 256),
			"state": text.enum("ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS").def("ENABLED"), "roleArn": roleARN, "forceDestroy": flag.def(false), "tags": tags,
		},
		Plan:     planRule,
		Computed: []string{"arn"},
		Outputs: func(c *Call) (map[string]any, error) {
			b := bus(c)
			if b != "default" && find(c, Reference{Types: []string{busType}, By: "name"}, b) == nil {
				return nil, fmt.Errorf("ResourceNotFoundException: Event bus %s does not exist", b)
			}
			c.ARN = arnOf("events", "rule/")(c.Account, c.ID)
			return map[string]any{"arn": c.ARN}, nil
		},
		Delete: func(c *Call) error {
			if t := c.Cloud.First(c.Account, targetType, func(r *cloud.Resource) bool { return r.Str("rule") == c.Name && busOf(r) == busOf(c.Old) }); t != nil {
				return fmt.Errorf("ValidationException: Rule %s can't be deleted since it has targets", c.Name)
			}
			return nil
		},
		Actions: Actions{Create: []string{"events:PutRule"}, Read: []string{"events:DescribeRule"}, Update: []string{"events:PutRule"}, Delete: []string{"events:DeleteRule"}},
	}, eventTargetKind()}
}

func bus(c *Call) string {
	if b := c.Str("eventBusName"); b != "" {
		return b
	}
	return "default"
}

func busOf(r *cloud.Resource) string {
	if b := r.Str("eventBusName"); b != "" {
		return b
	}
	return "default"
}

func planRule(c *Call) error {
	pattern, schedule := c.Str("eventPattern"), c.Str("scheduleExpression")
	if c.Unknown["eventPattern"] {
		return nil
	}
	if pattern == "" && schedule == "" {
		return errors.New("eventPattern or scheduleExpression is required")
	}
	if pattern == "" {
		return nil
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(pattern), &doc); err != nil {
		return fmt.Errorf("InvalidEventPatternException: eventPattern is no JSON object: %w", err)
	}
	return checkPattern("", doc)
}

// matchers of event patterns. See "Comparison operators for use in event
// patterns" in the EventBridge user guide.
var matchers = []string{"prefix", "suffix", "anything-but", "numeric", "exists", "equals-ignore-case", "wildcard", "cidr"}

func checkPattern(path string, doc map[string]any) error {
	for k, v := range doc {
		at := strings.TrimPrefix(path+"."+k, ".")
		switch v := v.(type) {
		case map[string]any:
			if err := checkPattern(at, v); err != nil {
				return err
			}
		case []any:
			if k == "$or" {
				continue
			}
			if len(v) == 0 {
				return fmt.Errorf("InvalidEventPatternException: %s is an empty list", at)
			}
			for _, e := range v {
				m, ok := e.(map[string]any)
				for name := range m {
					if ok && !slices.Contains(matchers, name) {
						return fmt.Errorf("InvalidEventPatternException: %s has the unrecognized match type %s", at, name)
					}
				}
			}
		default:
			return fmt.Errorf("InvalidEventPatternException: %s must be an object or an array", at)
		}
	}
	return nil
}

func eventTargetKind() Kind {
	return Kind{
		Token: targetType,
		ID:    func(c *Call) string { return bus(c) + "-" + c.Str("rule") + "-" + c.Str("targetId") },
		Slot:  []string{"eventBusName", "rule", "targetId"},
		Inputs: map[string]Input{
			"rule": text.required().replaces(), "targetId": text.required().match(`[.\-_A-Za-z0-9]{1,64}`).replaces(), "arn": text.required().match(`arn:aws:.+`), "eventBusName": text.def("default").replaces(),
			"roleArn": roleARN, "input": text.between(0, 8192), "inputPath": text.between(0, 256), "forceDestroy": flag.def(false),
			"inputTransformer": object(map[string]Input{"inputPaths": mapOf(text.match(`\$\..+|\$`)), "inputTemplate": text.required().between(1, 8192)}),
			"deadLetterConfig": object(map[string]Input{"arn": text.refers("arn", queueType)}),
			"retryPolicy":      object(map[string]Input{"maximumEventAgeInSeconds": number.between(60, 86400), "maximumRetryAttempts": number.between(0, 185)}),
		},
		Plan: planTarget,
		Outputs: func(c *Call) (map[string]any, error) {
			rule := c.Cloud.First(c.Account, ruleType, func(r *cloud.Resource) bool { return r.Name == c.Str("rule") && busOf(r) == bus(c) })
			if rule == nil {
				return nil, fmt.Errorf("ResourceNotFoundException: Rule %s does not exist on EventBus %s", c.Str("rule"), bus(c))
			}
			return nil, targetExists(c)
		},
		Actions: Actions{Create: []string{"events:PutTargets"}, Read: []string{"events:ListTargetsByRule"}, Update: []string{"events:PutTargets"}, Delete: []string{"events:RemoveTargets"}},
	}
}

// targetExists is stricter than PutTargets, which takes any ARN: what does not
// exist would never be reached.
func targetExists(c *Call) error {
	arn := c.Str("arn")
	if c.Cloud.ByARN(arn) == nil {
		return fmt.Errorf("ResourceNotFoundException: the target %s does not exist", arn)
	}
	if strings.HasPrefix(arn, "arn:aws:codepipeline:") && c.Str("roleArn") == "" {
		return errors.New("ValidationException: RoleArn is required for target " + arn)
	}
	return nil
}

var placeholder = regexp.MustCompile(`<([^<>\s]+)>`)

func planTarget(c *Call) error {
	given := 0
	for _, k := range []string{"input", "inputPath", "inputTransformer"} {
		if c.Inputs[k] != nil {
			given++
		}
	}
	if given > 1 {
		return errors.New("input, inputPath and inputTransformer exclude each other")
	}
	template, _ := cloud.Lookup(c.Inputs, "inputTransformer.inputTemplate").(string)
	paths, _ := cloud.Lookup(c.Inputs, "inputTransformer.inputPaths").(map[string]any)
	for _, m := range placeholder.FindAllStringSubmatch(template, -1) {
		if _, ok := paths[m[1]]; !ok && !strings.HasPrefix(m[1], "aws.events.") {
			return fmt.Errorf("InputTransformer: the template uses <%s>, which inputPaths does not define", m[1])
		}
	}
	for k := range paths {
		if strings.HasPrefix(strings.ToUpper(k), "AWS") {
			return fmt.Errorf("InputTransformer: the path %q: names that begin with AWS are reserved", k)
		}
	}
	return nil
}

// CloudWatch Logs: see CreateLogGroup and PutRetentionPolicy in its API.
func basicLogs() []Kind {
	return []Kind{{
		Token: logGroupType, Name: "name", ARN: arnOf("logs", "log-group:"),
		Inputs: map[string]Input{
			"name": text.match(`[.\-_/#A-Za-z0-9]{1,512}`).replaces(), "retentionInDays": number.def(0.0), "kmsKeyId": keyARN, "skipDestroy": flag.def(false), "logGroupClass": text.enum("STANDARD", "INFREQUENT_ACCESS", "DELIVERY").computed().replaces(), "tags": tags,
		},
		Plan: func(c *Call) error {
			days, set := c.Inputs["retentionInDays"].(float64)
			if set && !slices.Contains([]float64{0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}, days) {
				return fmt.Errorf("retentionInDays is %v: expected one of the periods that CloudWatch Logs offers", days)
			}
			return nil
		},
		Outputs: func(c *Call) (map[string]any, error) { return nil, logKeyAllows(c) },
		Actions: Actions{Create: []string{"logs:CreateLogGroup"}, Read: []string{"logs:ListTagsForResource"}, Update: []string{"logs:PutRetentionPolicy"}, Delete: []string{"logs:DeleteLogGroup"}},
	}}
}

// logKeyAllows: CreateLogGroup fails where the key does not let the service
// use it for this log group.
func logKeyAllows(c *Call) error {
	key := c.Str("kmsKeyId")
	if key == "" {
		return nil
	}
	return c.Cloud.Authorize(cloud.Call{Service: "logs." + cloud.Region + ".amazonaws.com", Action: "kms:GenerateDataKey", Resource: key,
		Context: map[string][]string{"kms:EncryptionContext:aws:logs:arn": {c.ARN}}})
}
