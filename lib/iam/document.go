package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Version is the current version of the policy language.
const Version = "2012-10-17"

// Document is a parsed policy. Unlike iampolicy.Document, which can only say
// what the platform may say, it holds everything that IAM's grammar allows.
type Document struct {
	Version    string
	ID         string
	Statements []Statement
}

// Statement is one statement of a document.
type Statement struct {
	Index                   int // position in the document, from 0
	Sid, Effect             string
	Principal, NotPrincipal *Principals
	Action, NotAction       []string
	Resource, NotResource   []string
	Conditions              []Condition

	elements []string // as written, to tell an absent element from an empty one
}

func (s Statement) hasElement(element string) bool { return slices.Contains(s.elements, element) }

// label names a statement in sentences: by its Sid or, without one, its position.
func (s Statement) label() string {
	if s.Sid != "" {
		return fmt.Sprintf("statement %q", s.Sid)
	}
	return fmt.Sprintf("statement %d", s.Index)
}

// Principals is a Principal or NotPrincipal element.
type Principals struct {
	Everyone                               bool
	AWS, Service, Federated, CanonicalUser []string
}

// Condition is one operator applied to one key.
type Condition struct {
	Operator, Key string
	Values        []string
}

// Parse reads a document and refuses everything that is not IAM's grammar:
// unknown elements, an element given twice, values of the wrong type. The
// names of elements are compared exactly.
// See "Grammar of the IAM JSON policy language".
func Parse(text string) (Document, error) {
	var d Document
	ms, err := members(json.RawMessage(text))
	if err != nil {
		return d, fmt.Errorf("MalformedPolicyDocument: the policy is not a JSON object: %w", err)
	}
	var errs []error
	for _, m := range ms {
		switch m.name {
		case "Version":
			err = json.Unmarshal(m.value, &d.Version)
		case "Id":
			err = json.Unmarshal(m.value, &d.ID)
		case "Statement":
			d.Statements, err = statements(m.value)
		default:
			err = fmt.Errorf("unknown element: expected Version, Id or Statement")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("MalformedPolicyDocument: %s: %w", m.name, err))
		}
	}
	return d, errors.Join(errs...)
}

func statements(raw json.RawMessage) ([]Statement, error) {
	var list []json.RawMessage
	if bytes.HasPrefix(raw, []byte("{")) {
		list = []json.RawMessage{raw}
	} else if err := json.Unmarshal(raw, &list); err != nil {
		return nil, errors.New("expected a statement or a list of statements")
	}
	var out []Statement
	var errs []error
	for i, r := range list {
		s, err := statement(r)
		s.Index = i
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.label(), err))
		}
		out = append(out, s)
	}
	return out, errors.Join(errs...)
}

func statement(raw json.RawMessage) (Statement, error) {
	var s Statement
	ms, err := members(raw)
	if err != nil {
		return s, err
	}
	var errs []error
	for _, m := range ms {
		s.elements = append(s.elements, m.name)
		switch m.name {
		case "Sid":
			err = json.Unmarshal(m.value, &s.Sid)
		case "Effect":
			err = json.Unmarshal(m.value, &s.Effect)
		case "Principal":
			s.Principal, err = principals(m.value)
		case "NotPrincipal":
			s.NotPrincipal, err = principals(m.value)
		case "Action":
			s.Action, err = stringList(m.value)
		case "NotAction":
			s.NotAction, err = stringList(m.value)
		case "Resource":
			s.Resource, err = stringList(m.value)
		case "NotResource":
			s.NotResource, err = stringList(m.value)
		case "Condition":
			s.Conditions, err = conditions(m.value)
		default:
			err = errors.New("unknown element: expected Sid, Effect, Principal, NotPrincipal, Action, NotAction, Resource, NotResource or Condition")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", m.name, err))
		}
	}
	return s, errors.Join(errs...)
}

func principals(raw json.RawMessage) (*Principals, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		if text == "*" {
			return &Principals{Everyone: true}, nil
		}
		return nil, fmt.Errorf("invalid principal %q: expected \"*\" or an object such as {\"AWS\": …}", text)
	}
	ms, err := members(raw)
	if err != nil {
		return nil, err
	}
	p := &Principals{}
	for _, m := range ms {
		list, err := stringList(m.value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		switch m.name {
		case "AWS":
			p.AWS = list
		case "Service":
			p.Service = list
		case "Federated":
			p.Federated = list
		case "CanonicalUser":
			p.CanonicalUser = list
		default:
			return nil, fmt.Errorf("unknown type of principal %q: expected AWS, Service, Federated or CanonicalUser", m.name)
		}
	}
	return p, nil
}

func conditions(raw json.RawMessage) ([]Condition, error) {
	operators, err := members(raw)
	if err != nil {
		return nil, err
	}
	var out []Condition
	for _, op := range operators {
		keys, err := members(op.value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op.name, err)
		}
		for _, k := range keys {
			values, err := scalarList(k.value)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", op.name, k.name, err)
			}
			out = append(out, Condition{op.name, k.name, values})
		}
	}
	return out, nil
}

type member struct {
	name  string
	value json.RawMessage
}

// members reads a JSON object in its order and refuses a name given twice,
// which encoding/json would silently resolve to the last one.
func members(raw json.RawMessage) ([]member, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.Join(errors.New("expected an object"), err)
	}
	var out []member
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, err
		}
		m := member{name: t.(string)} // a key of an object is always a string
		if slices.ContainsFunc(out, func(o member) bool { return o.name == m.name }) {
			return nil, fmt.Errorf("%q is given twice", m.name)
		}
		if err := dec.Decode(&m.value); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is text after the end of the object")
	}
	return out, nil
}

func stringList(raw json.RawMessage) ([]string, error) {
	list := []*string{new(string)}
	if json.Unmarshal(raw, list[0]) != nil || string(raw) == "null" {
		if json.Unmarshal(raw, &list) != nil || list == nil || slices.Contains(list, nil) {
			return nil, errors.New("expected a string or a list of strings")
		}
	}
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = *s
	}
	return out, nil
}

// scalarList reads condition values: strings, numbers and booleans, of
// which the latter two may stand without quotes.
func scalarList(raw json.RawMessage) ([]string, error) {
	list := []json.RawMessage{raw}
	if bytes.HasPrefix(raw, []byte("[")) {
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, err
		}
	}
	var out []string
	for _, r := range list {
		var s string
		switch text := strings.TrimSpace(string(r)); {
		case strings.HasPrefix(text, `"`):
			if err := json.Unmarshal(r, &s); err != nil {
				return nil, err
			}
			out = append(out, s)
		case text == "null" || strings.HasPrefix(text, "{") || strings.HasPrefix(text, "["):
			return nil, errors.New("expected strings, numbers or booleans")
		default:
			out = append(out, text)
		}
	}
	return out, nil
}
