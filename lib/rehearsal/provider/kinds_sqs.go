package provider

import (
	"errors"
	"fmt"
	"strings"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/iam"
	"delivery.internal/lib/rehearsal/cloud"
)

// sqsKinds: constraints from the API reference of SQS (CreateQueue,
// SetQueueAttributes).
func sqsKinds() []Kind {
	return []Kind{sqsQueue(), {
		Token:  typetoken.QueuePolicy,
		ID:     joinedID("", "queueUrl"),
		Slot:   []string{"queueUrl"},
		Inputs: map[string]Input{"queueUrl": text.required().replaces().refers("id", typetoken.Queue), "policy": text.required().policy(iam.Resource("sqs"))},
		Outputs: func(c *Call) (map[string]any, error) {
			q := c.Cloud.Get(c.Account, typetoken.Queue, c.Str("queueUrl"))
			if q == nil {
				return nil, apierr.BadRequest("QueueDoesNotExist", "queueUrl is %q", c.Str("queueUrl"))
			}
			return nil, errors.Join(c.ownPolicy("sqs", q.ARN), c.authorizeAlso(q.ARN, nil, "sqs:SetQueueAttributes", "sqs:GetQueueAttributes"))
		},
		Delete: func(c *Call) error {
			if q := c.Cloud.Get(c.Account, typetoken.Queue, c.Str("queueUrl")); q != nil {
				return c.authorizeAlso(q.ARN, nil, "sqs:SetQueueAttributes")
			}
			return nil
		},
	}}
}

func sqsQueue() Kind {
	return Kind{
		Token: typetoken.Queue, Name: "name", ARN: arnOf("sqs", ""),
		ID: func(c *Call) string {
			return fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/%s", cloud.Region, c.Account, c.Name)
		},
		Inputs: map[string]Input{
			"name":                         named(awsname.Queue).replaces(),
			"namePrefix":                   text.replaces(),
			"delaySeconds":                 number.between(0, 900).def(0.0),
			"maxMessageSize":               number.between(1024, 262144).def(262144.0),
			"messageRetentionSeconds":      number.between(60, 1209600).def(345600.0),
			"receiveWaitTimeSeconds":       number.between(0, 20).def(0.0),
			"visibilityTimeoutSeconds":     number.between(0, 43200).def(30.0),
			"fifoQueue":                    flag.def(false).replaces(),
			"contentBasedDeduplication":    flag.def(false),
			"deduplicationScope":           text.enum("messageGroup", "queue").computed(),
			"fifoThroughputLimit":          text.enum("perQueue", "perMessageGroupId").computed(),
			"kmsMasterKeyId":               text,
			"kmsDataKeyReusePeriodSeconds": number.between(60, 86400).computed(),
			"sqsManagedSseEnabled":         flag.computed(),
			"policy":                       text.policy(iam.Resource("sqs")).computed(),
			"redrivePolicy":                text,
			"redriveAllowPolicy":           text.computed(),
			"tags":                         tags,
		},
		Plan:     planSQSQueue,
		Computed: []string{"url"},
		Outputs: func(c *Call) (map[string]any, error) {
			out := map[string]any{"url": c.ID}
			if c.Inputs["sqsManagedSseEnabled"] == nil {
				out["sqsManagedSseEnabled"] = c.Str("kmsMasterKeyId") == "" // on by default since 2022
			}
			_, err := c.key("kmsMasterKeyId", c.Str("kmsMasterKeyId"))
			if c.Old != nil && !c.onlyTags() {
				err = errors.Join(err, c.authorizeAlso(c.ARN, nil, "sqs:SetQueueAttributes"))
			}
			return out, errors.Join(err, sqsDeadLetters(c), c.authorizeTags("sqs:TagQueue", "sqs:UntagQueue"))
		},
		Delete: func(c *Call) error {
			c.removeAll(func(r *cloud.Resource) bool { return r.Str("queueUrl") == c.ID }, typetoken.QueuePolicy)
			return nil
		},
		// The provider gives the attributes to CreateQueue itself.
		Actions: Actions{
			Create: []string{"sqs:CreateQueue", "sqs:GetQueueAttributes", "sqs:ListQueueTags"},
			Read:   []string{"sqs:GetQueueAttributes", "sqs:ListQueueTags"},
			Update: []string{"sqs:GetQueueAttributes", "sqs:ListQueueTags"}, Delete: []string{"sqs:DeleteQueue", "sqs:GetQueueAttributes"},
		},
	}
}

func planSQSQueue(c *Call) error {
	f := &failed{}
	f.atMostOne(c, "name", "namePrefix")
	fifo, name := c.isSet("fifoQueue"), c.Str("name")
	f.when(name != "" && fifo != strings.HasSuffix(name, ".fifo"), "name is %q and fifoQueue %v: the name of a FIFO queue, and only that, ends with .fifo", name, fifo)
	for _, in := range []string{"contentBasedDeduplication", "deduplicationScope", "fifoThroughputLimit"} {
		f.when(!fifo && c.Inputs[in] != nil && c.Inputs[in] != false, "%s belongs to FIFO queues", in)
	}
	f.when(c.Str("fifoThroughputLimit") == "perMessageGroupId" && c.Str("deduplicationScope") != "messageGroup", "fifoThroughputLimit perMessageGroupId needs deduplicationScope messageGroup")
	f.when(c.isSet("sqsManagedSseEnabled") && c.isGiven("kmsMasterKeyId"), "kmsMasterKeyId and sqsManagedSseEnabled exclude each other: expected one kind of encryption")
	if p := f.object(c, "redrivePolicy"); p != nil {
		n, ok := p["maxReceiveCount"].(float64)
		f.when(!ok || n < 1 || n > 1000 || n != float64(int(n)), "redrivePolicy has maxReceiveCount %v: expected a whole number from 1 to 1000, not a text", p["maxReceiveCount"])
		f.when(str(p, "deadLetterTargetArn") == "", "redrivePolicy has no deadLetterTargetArn")
		for k := range p {
			f.when(k != "maxReceiveCount" && k != "deadLetterTargetArn", "redrivePolicy has the unknown key %s", k)
		}
	}
	planSQSAllow(f, c)
	return f.err()
}

func planSQSAllow(f *failed, c *Call) {
	p := f.object(c, "redriveAllowPolicy")
	if p == nil {
		return
	}
	permission := str(p, "redrivePermission")
	if err := oneOf("redriveAllowPolicy.redrivePermission", permission, []string{"allowAll", "denyAll", "byQueue"}); err != nil {
		f.errs = append(f.errs, err)
	}
	sources := texts(p["sourceQueueArns"])
	f.when((permission == "byQueue") != (len(sources) > 0) || len(sources) > 10, "redriveAllowPolicy has %d sourceQueueArns: expected 1 to 10 with byQueue, and none else", len(sources))
}

// sqsDeadLetters: the dead-letter queue must exist, in this account, be of the
// same kind, and accept this queue. See "Using dead-letter queues in Amazon SQS".
func sqsDeadLetters(c *Call) error {
	f := &failed{}
	p := f.object(c, "redrivePolicy")
	if p == nil || c.Old != nil && c.Old.Str("redrivePolicy") == c.Str("redrivePolicy") {
		return f.err()
	}
	arn := str(p, "deadLetterTargetArn")
	dead := findReferred(c, Reference{Types: []string{typetoken.Queue}, By: "arn"}, arn)
	if dead == nil {
		return apierr.BadRequest("InvalidParameterValue", "Value %s for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist", c.Str("redrivePolicy"))
	}
	other, _ := dead.Value("fifoQueue").(bool)
	f.when(other != c.isSet("fifoQueue"), "InvalidParameterValue: the dead-letter queue %s is of another kind: a FIFO queue needs a FIFO queue, a standard queue a standard one", arn)
	allow := &Call{Inputs: map[string]any{"redriveAllowPolicy": dead.Str("redriveAllowPolicy")}}
	if a := f.object(allow, "redriveAllowPolicy"); a != nil {
		refused := str(a, "redrivePermission") == "denyAll"
		if str(a, "redrivePermission") == "byQueue" {
			refused = true
			for _, source := range texts(a["sourceQueueArns"]) {
				refused = refused && source != c.ARN
			}
		}
		f.when(refused, "InvalidParameterValue: the dead-letter queue %s does not accept messages of %s: see its redriveAllowPolicy", arn, c.ARN)
	}
	return f.err()
}
