package services

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

// Message is a message in a queue.
type Message struct {
	ID, Body   string
	Attributes map[string]string
	Sent       time.Time
}

// queueData is what the cloud keeps of a queue.
type queueData struct {
	messages []Message
	used     bool // whether the queue has ever held a message
}

func (r *Emulator) queue(q *cloud.Resource) *queueData {
	return cloud.DataOf(r.cloud, q, func() *queueData { return &queueData{} })
}

// Messages returns the messages in a queue, by its ARN, oldest first.
func (r *Emulator) Messages(queueARN string) []Message {
	q := r.cloud.ByARN(queueARN)
	if q == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.queue(q).messages)
}

// send puts a message into a queue; the caller may send already.
func (r *Emulator) send(queueARN string, m Message, by publisher) error {
	q := r.cloud.ByARN(queueARN)
	if q == nil || q.Type != typetoken.Queue {
		return fail("AWS.SimpleQueueService.NonExistentQueue", "the queue %s does not exist", queueARN)
	}
	if err := r.useKey(by, q.Str("kmsMasterKeyId"), "sqs", "aws:sqs:arn", queueARN); err != nil {
		return err
	}
	m.ID, m.Sent = newID(), r.cloud.Now()
	r.change(func() {
		data := r.queue(q)
		data.messages, data.used = append(data.messages, m), true
	})
	r.watch(queueARN)
	return nil
}

// Notification is a message that a topic delivered to a subscriber.
type Notification struct {
	Topic, Subject, Body string
	// Protocol and Endpoint are the subscriber's; empty where the topic has none.
	Protocol, Endpoint string
	// Pending says that the subscriber has not confirmed: on AWS it would not
	// have got the message.
	Pending bool
	Time    time.Time
}

// Text is the body as a person reads it.
func (n Notification) Text() string {
	var text string
	if json.Unmarshal([]byte(n.Body), &text) == nil {
		return text
	}
	return n.Body
}

// Notifications returns what was published, oldest first.
func (r *Emulator) Notifications() []Notification {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Notification(nil), r.notifications...)
}

// publishFor publishes to a topic, if its policy and its key let the publisher.
func (r *Emulator) publishFor(by publisher, topicARN, subject, body string) error {
	topic := r.cloud.ByARN(topicARN)
	if topic == nil || topic.Type != typetoken.Topic {
		return fail("NotFoundException", "the topic %s does not exist", topicARN)
	}
	if err := r.cloud.Authorize(by.call("sns:Publish", topicARN, by.context)); err != nil {
		return err
	}
	if err := r.useKey(by, topic.Str("kmsMasterKeyId"), "sns", "aws:sns:topicArn", topicARN); err != nil {
		return err
	}
	subscriptions := r.cloud.Find(topic.Account, typetoken.TopicSubscription, func(s *cloud.Resource) bool { return s.Str("topic") == topicARN })
	if len(subscriptions) == 0 {
		r.notify(Notification{Topic: topic.Name, Subject: subject, Body: body})
	}
	for _, s := range subscriptions {
		n := Notification{Topic: topic.Name, Subject: subject, Body: body, Protocol: s.Str("protocol"), Endpoint: s.Str("endpoint")}
		n.Pending = s.Str("pendingConfirmation") == "true"
		r.notify(n)
		r.forward(topicARN, n)
	}
	return nil
}

// notify keeps a notification for people.
func (r *Emulator) notify(n Notification) {
	n.Time = r.cloud.Now()
	r.change(func() { r.notifications = append(r.notifications, n) })
	line, _, _ := strings.Cut(n.Text(), "\n")
	r.note("notification", n.Topic, map[string]any{
		"subject": n.Subject, "body": n.Body, "text": n.Text(), "protocol": n.Protocol, "endpoint": n.Endpoint, "pending": n.Pending,
	}, "%s", line)
}

// forward hands a notification on to a subscriber that is a service.
func (r *Emulator) forward(topicARN string, n Notification) {
	by := publisher{service: "sns.amazonaws.com", context: source(topicARN, arns.Of(topicARN).Account)}
	var err error
	switch n.Protocol {
	case "sqs":
		if err = r.cloud.Authorize(by.call("sqs:SendMessage", n.Endpoint, by.context)); err == nil {
			err = r.send(n.Endpoint, Message{Body: n.Body}, by)
		}
	case "lambda":
		if err = r.cloud.Authorize(by.call("lambda:InvokeFunction", n.Endpoint, by.context)); err == nil {
			err = r.InvokeAsync(n.Endpoint, snsEvent(topicARN, n))
		}
	}
	if err != nil {
		r.note("notification", n.Topic, map[string]any{"endpoint": n.Endpoint, "error": err.Error()}, "not delivered to %s: %v", n.Endpoint, err)
	}
}

func snsEvent(topicARN string, n Notification) []byte {
	text, _ := json.Marshal(map[string]any{"Records": []any{map[string]any{ // strings always marshal
		"EventSource": "aws:sns", "EventVersion": "1.0",
		"Sns": map[string]any{"Type": "Notification", "TopicArn": topicARN, "Subject": n.Subject, "Message": n.Body, "Timestamp": n.Time.UTC().Format(time.RFC3339)},
	}}})
	return text
}
