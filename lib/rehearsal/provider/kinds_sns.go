package provider

import (
	"errors"
	"regexp"
	"strings"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/iam"
	"delivery.internal/lib/rehearsal/cloud"
)

// snsKinds: constraints from the API reference of SNS (CreateTopic,
// SetTopicAttributes, Subscribe) and the SDK's documentation.
func snsKinds() []Kind {
	return []Kind{snsTopic(), {
		Token:    typetoken.TopicPolicy,
		ID:       joinedID("", "arn"),
		Slot:     []string{"arn"},
		Inputs:   map[string]Input{"arn": text.required().replaces().refers("arn", typetoken.Topic), "policy": text.required().policy(iam.Resource("sns"))},
		Computed: []string{"owner"},
		Outputs: func(c *Call) (map[string]any, error) {
			return map[string]any{"owner": c.Account}, errors.Join(
				c.ownPolicy("sns", c.Str("arn")), c.authorizeAlso(c.Str("arn"), nil, "sns:SetTopicAttributes", "sns:GetTopicAttributes"))
		},
		Delete: func(c *Call) error { return c.authorizeAlso(c.Str("arn"), nil, "sns:SetTopicAttributes") },
	}, snsSubscription()}
}

// snsFeedback are the inputs of delivery logging, the same for each protocol.
func snsFeedback(inputs map[string]Input) map[string]Input {
	for _, p := range []string{"application", "firehose", "http", "lambda", "sqs"} {
		inputs[p+"FailureFeedbackRoleArn"] = roleARN
		inputs[p+"SuccessFeedbackRoleArn"] = roleARN
		inputs[p+"SuccessFeedbackSampleRate"] = number.between(0, 100)
	}
	return inputs
}

func snsTopic() Kind {
	return Kind{
		Token: typetoken.Topic, Name: "name", ARN: arnOf("sns", ""),
		ID: func(c *Call) string { return c.ARN },
		Inputs: snsFeedback(map[string]Input{
			"name":                      named(awsname.Topic).replaces(),
			"namePrefix":                text.replaces(),
			"displayName":               text.between(0, 100),
			"kmsMasterKeyId":            text,
			"policy":                    text.policy(iam.Resource("sns")).computed(),
			"deliveryPolicy":            text,
			"fifoTopic":                 flag.def(false).replaces(),
			"contentBasedDeduplication": flag.def(false),
			"archivePolicy":             text,
			"fifoThroughputScope":       text.enum("Topic", "MessageGroup").computed(),
			"signatureVersion":          number.between(1, 2).computed(),
			"tracingConfig":             text.enum("PassThrough", "Active").computed(),
			"tags":                      tags,
		}),
		Plan:     planSNSTopic,
		Computed: []string{"owner", "beginningArchiveTime"},
		Outputs: func(c *Call) (map[string]any, error) {
			_, err := c.key("kmsMasterKeyId", c.Str("kmsMasterKeyId"))
			return map[string]any{"owner": c.Account, "beginningArchiveTime": ""},
				errors.Join(err, snsAttributes(c), c.authorizeTags("sns:TagResource", "sns:UntagResource"))
		},
		Delete: func(c *Call) error {
			c.removeAll(func(r *cloud.Resource) bool { return r.Str("topic") == c.ARN || r.Str("arn") == c.ARN }, typetoken.TopicSubscription, typetoken.TopicPolicy)
			return nil
		},
		Actions: Actions{
			Create: []string{"sns:CreateTopic", "sns:GetTopicAttributes", "sns:ListTagsForResource"},
			Read:   []string{"sns:GetTopicAttributes", "sns:ListTagsForResource"},
			Update: []string{"sns:GetTopicAttributes", "sns:ListTagsForResource"}, Delete: []string{"sns:DeleteTopic"},
		},
	}
}

// snsAttributes: the provider sets every attribute but fifoTopic by a call of
// its own, after CreateTopic.
func snsAttributes(c *Call) error {
	attributes := len(c.Inputs)
	for _, other := range []string{"name", "namePrefix", "fifoTopic", "tags"} {
		if c.Inputs[other] != nil {
			attributes--
		}
	}
	if c.Old == nil && attributes == 0 || c.Old != nil && c.onlyTags() {
		return nil
	}
	return c.authorizeAlso(c.ARN, nil, "sns:SetTopicAttributes")
}

func planSNSTopic(c *Call) error {
	f := &failed{}
	f.atMostOne(c, "name", "namePrefix")
	fifo, name := c.isSet("fifoTopic"), c.Str("name")
	f.when(name != "" && fifo != strings.HasSuffix(name, ".fifo"), "name is %q and fifoTopic %v: the name of a FIFO topic, and only that, ends with .fifo", name, fifo)
	for _, in := range []string{"contentBasedDeduplication", "archivePolicy", "fifoThroughputScope"} {
		f.when(!fifo && c.Inputs[in] != nil && c.Inputs[in] != false, "%s belongs to FIFO topics", in)
	}
	f.object(c, "deliveryPolicy")
	f.object(c, "archivePolicy")
	return f.err()
}

func snsSubscription() Kind {
	return Kind{
		Token: typetoken.TopicSubscription,
		ID:    func(c *Call) string { return c.Str("topic") + ":" + uuid(c) },
		Slot:  []string{"topic", "protocol", "endpoint"},
		Inputs: map[string]Input{
			"topic":                        text.required().replaces().refers("arn", typetoken.Topic),
			"protocol":                     text.required().enum("sqs", "sms", "lambda", "firehose", "application", "email", "email-json", "http", "https").replaces(),
			"endpoint":                     text.required().between(1, 2048).replaces(),
			"endpointAutoConfirms":         flag.def(false),
			"confirmationTimeoutInMinutes": number.between(0, 0).def(1.0),
			"rawMessageDelivery":           flag.def(false),
			"filterPolicy":                 text,
			"filterPolicyScope":            text.enum("MessageAttributes", "MessageBody").computed(),
			"deliveryPolicy":               text,
			"redrivePolicy":                text,
			"replayPolicy":                 text,
			"subscriptionRoleArn":          roleARN,
		},
		Plan:     planSNSSubscription,
		Computed: []string{"arn", "ownerId", "pendingConfirmation", "confirmationWasAuthenticated"},
		Outputs: func(c *Call) (map[string]any, error) {
			pending := strings.HasPrefix(c.Str("protocol"), "email") || strings.HasPrefix(c.Str("protocol"), "http") && !c.isSet("endpointAutoConfirms")
			out := map[string]any{
				"arn": c.ID, "ownerId": c.Account, "confirmationWasAuthenticated": !pending,
				"pendingConfirmation": c.keptOutput("pendingConfirmation", func() any { return pending }),
			}
			return out, errors.Join(snsEndpoint(c), c.authorizeAlso(c.Str("topic"), nil, "sns:Subscribe"), c.authorizeAlso(c.ID, nil, "sns:GetSubscriptionAttributes"))
		},
		Delete: func(c *Call) error {
			// A subscription that nobody confirmed can't be removed by the API:
			// the provider lets it expire. See the documentation of the resource.
			return c.authorizeAlso(c.ID, nil, "sns:Unsubscribe")
		},
	}
}

var mailAddress = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)

func planSNSSubscription(c *Call) error {
	f, protocol, endpoint := &failed{}, c.Str("protocol"), c.Str("endpoint")
	wanted := map[string]string{"http": "http://", "https": "https://", "sqs": "arn:aws:sqs:", "lambda": "arn:aws:lambda:", "firehose": "arn:aws:firehose:", "application": "arn:aws:sns:", "sms": "+"}
	if endpoint != "" {
		f.when(!strings.HasPrefix(endpoint, wanted[protocol]), "endpoint is %q: expected one that begins with %s for the protocol %s", endpoint, wanted[protocol], protocol)
		f.when(strings.HasPrefix(protocol, "email") && !mailAddress.MatchString(endpoint), "endpoint is %q: expected a mail address", endpoint)
	}
	web := protocol == "http" || protocol == "https"
	f.when(c.isSet("rawMessageDelivery") && !web && protocol != "sqs" && protocol != "firehose", "rawMessageDelivery is not supported by the protocol %s", protocol)
	f.when(c.Inputs["deliveryPolicy"] != nil && !web, "deliveryPolicy belongs to http and https")
	f.when(c.Inputs["filterPolicyScope"] != nil && !c.isGiven("filterPolicy"), "filterPolicyScope is set without filterPolicy")
	f.when(c.isGiven("subscriptionRoleArn") != (protocol == "firehose"), "subscriptionRoleArn belongs to the protocol firehose, and only to that")
	f.object(c, "filterPolicy")
	f.object(c, "deliveryPolicy")
	f.object(c, "redrivePolicy")
	return f.err()
}

// snsEndpoint is stricter than Subscribe: a queue or function that does not
// exist would never be reached.
func snsEndpoint(c *Call) error {
	if p := c.Str("protocol"); (p == "sqs" || p == "lambda") && c.Cloud.ByARN(c.Str("endpoint")) == nil {
		return apierr.BadRequest("NotFoundException", "endpoint is %q, which does not exist", c.Str("endpoint"))
	}
	f := &failed{}
	if dead := str(f.object(c, "redrivePolicy"), "deadLetterTargetArn"); c.Str("redrivePolicy") != "" && findReferred(c, Reference{Types: []string{typetoken.Queue}, By: "arn"}, dead) == nil {
		f.add("InvalidParameter: redrivePolicy has deadLetterTargetArn %q: expected the ARN of a queue that exists", dead)
	}
	return f.err()
}
