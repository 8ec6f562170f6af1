package provider

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"delivery/lib/rehearsal/cloud"
	"delivery/lib/rehearsal/iam"
)

// create makes a resource, or refuses as AWS would.
func (h *Host) create(k *Kind, c *Call, tags map[string]any) (*cloud.Resource, error) {
	if err := h.ready(k, c); err != nil {
		return nil, err
	}
	c.Name = c.Str(k.Name)
	if k.Name == "" {
		c.Name = ""
	}
	if k.ARN != nil && c.Name != "" {
		c.ARN = k.ARN(c.Account, c.Name)
	}
	c.ID = c.Name
	if k.ID != nil {
		c.ID = k.ID(c)
	}
	if c.ARN == "" && k.ARN != nil {
		c.ARN = k.ARN(c.Account, c.ID)
	}
	if err := errors.Join(h.strike("create", c), h.authorizeNew(k, c), k.unique(c), k.references(c), k.policies(c)); err != nil {
		return nil, err
	}
	outputs, err := k.outputs(c, tags)
	if err != nil {
		return nil, err
	}
	made := &cloud.Resource{
		Type: k.Token, ID: c.ID, Account: c.Account, ARN: c.ARN, Name: c.Name, Stack: c.Stack, URN: c.URN,
		Inputs: c.Inputs, Outputs: outputs,
	}
	if err := h.cloud.Add(made); err != nil {
		return nil, err
	}
	h.note(c, "created")
	return made, nil
}

func (h *Host) update(k *Kind, c *Call, tags map[string]any) (*cloud.Resource, error) {
	if err := h.ready(k, c); err != nil {
		return nil, err
	}
	if err := errors.Join(h.strike("update", c), h.authorize(c, k.Actions.Update), k.references(c), k.policies(c)); err != nil {
		return nil, err
	}
	outputs, err := k.outputs(c, tags)
	if err != nil {
		return nil, err
	}
	h.cloud.Update(c.Account, k.Token, c.ID, func(r *cloud.Resource) { r.Inputs, r.Outputs, r.URN, r.Stack = c.Inputs, outputs, c.URN, c.Stack })
	h.note(c, "updated")
	return h.cloud.Get(c.Account, k.Token, c.ID), nil
}

func (h *Host) delete(k *Kind, c *Call) error {
	if err := errors.Join(h.strike("delete", c), h.authorize(c, k.Actions.Delete)); err != nil {
		return err
	}
	if k.Delete != nil {
		if err := k.Delete(c); err != nil {
			return err
		}
	}
	h.cloud.Remove(c.Account, k.Token, c.ID)
	h.note(c, "deleted")
	return nil
}

// ready holds inputs, all known by now, to what AWS accepts.
func (h *Host) ready(k *Kind, c *Call) error {
	if len(c.Unknown) > 0 {
		return fmt.Errorf("inputs are not known: %v", slices.Sorted(maps.Keys(c.Unknown)))
	}
	if c.Account == "" {
		return errors.New("the provider was not configured")
	}
	var errs []error
	for _, f := range k.check(c) {
		errs = append(errs, fmt.Errorf("ValidationException: %s %s", f.property, f.reason))
	}
	return errors.Join(errs...)
}

func (h *Host) strike(operation string, c *Call) error {
	if f := h.cloud.Strike("provider", operation, c.URN); f != nil {
		return fmt.Errorf("%s: the request was made to fail (%s %s)", f.Code, operation, c.URN)
	}
	return nil
}

// authorizeNew authorises a creation. A key's own policy counts from the start.
func (h *Host) authorizeNew(k *Kind, c *Call) error {
	own := ""
	if k.Token == cloud.KeyType {
		own = c.Str("policy")
	}
	return h.ask(c, k.Actions.Create, own)
}

func (h *Host) authorize(c *Call, actions []string) error { return h.ask(c, actions, "") }

func (h *Host) ask(c *Call, actions []string, own string) error {
	if c.Session == nil {
		return nil // not AWS
	}
	for _, a := range actions {
		if err := h.cloud.Authorize(cloud.Call{Session: c.Session, Action: a, Resource: resourceOf(a, c), Policy: own}); err != nil {
			return err
		}
	}
	return nil
}

// starOnly are the actions for which AWS has no narrower resource. See the
// Service Authorization Reference.
var starOnly = map[string]bool{
	"kms:CreateKey": true, "kms:ListAliases": true, "ssm:DescribeParameters": true, "codeconnections:CreateConnection": true, "sts:GetCallerIdentity": true,
	"cloudwatch:DescribeAlarms": true, "logs:DescribeLogGroups": true, "ecr:GetAuthorizationToken": true,
}

func resourceOf(action string, c *Call) string {
	if starOnly[action] || c.ARN == "" {
		return "*"
	}
	return c.ARN
}

// unique refuses a second resource of a name, and a second one in a slot.
func (k *Kind) unique(c *Call) error {
	account := c.Account
	if k.Global {
		account = ""
	}
	if k.Name != "" && c.Cloud.First(account, k.Token, func(r *cloud.Resource) bool { return r.Name == c.Name }) != nil {
		return fmt.Errorf("ResourceAlreadyExists: %s named %q already exists in account %s", k.Token, c.Name, c.Account)
	}
	if len(k.Slot) == 0 {
		return nil
	}
	twin := c.Cloud.First(account, k.Token, func(r *cloud.Resource) bool {
		for _, in := range k.Slot {
			if r.Str(in) != c.Str(in) {
				return false
			}
		}
		return true
	})
	if twin != nil {
		return fmt.Errorf("ResourceConflict: %s has the same %s as %s, which it would replace without a word", k.Token, strings.Join(k.Slot, " and "), twin.URN)
	}
	return nil
}

// references holds inputs that name other resources to what exists.
func (k *Kind) references(c *Call) error {
	var errs []error
	walk("", k.Inputs, c.Inputs, func(path string, in Input, value string) {
		if in.Refers == nil || value == "" {
			return
		}
		if find(c, *in.Refers, value) == nil {
			errs = append(errs, fmt.Errorf("ResourceNotFoundException: %s is %q, but no %s with that %s exists", path, value, strings.Join(in.Refers.Types, " or "), in.Refers.By))
		}
	})
	return errors.Join(errs...)
}

// policies holds policy documents to what AWS accepts, now that every
// principal can be looked up.
func (k *Kind) policies(c *Call) error {
	var errs []error
	walk("", k.Inputs, c.Inputs, func(path string, in Input, value string) {
		if in.Policy == nil {
			return
		}
		env := iam.Env{Owner: c.ARN, Exists: func(arn string) bool { return c.Cloud.ByARN(arn) != nil }}
		if k.Token == cloud.KeyType && c.Session != nil {
			env.Caller = &c.Session.Principal
		}
		if err := iam.Validate(*in.Policy, value, env); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
		}
	})
	return errors.Join(errs...)
}

// walk visits every string in inputs with its description.
func walk(path string, fields map[string]Input, values map[string]any, visit func(string, Input, string)) {
	for _, k := range slices.Sorted(maps.Keys(values)) {
		if in, ok := fields[k]; ok {
			walkValue(strings.TrimPrefix(path+"."+k, "."), in, values[k], visit)
		}
	}
}

func walkValue(path string, in Input, value any, visit func(string, Input, string)) {
	switch v := value.(type) {
	case string:
		visit(path, in, v)
	case []any:
		for i, e := range v {
			if in.Elem != nil {
				walkValue(fmt.Sprintf("%s[%d]", path, i), *in.Elem, e, visit)
			}
		}
	case map[string]any:
		if in.Shape == Object {
			walk(path, in.Fields, v, visit)
			return
		}
		for k, e := range v {
			if in.Elem != nil {
				walkValue(path+"."+k, *in.Elem, e, visit)
			}
		}
	}
}

// find looks a referenced resource up.
func find(c *Call, ref Reference, value string) *cloud.Resource {
	account := c.Account
	if ref.AnyAccount {
		account = ""
	}
	for _, t := range ref.Types {
		for by := range strings.SplitSeq(ref.By, ",") {
			if r := c.Cloud.First(account, t, func(r *cloud.Resource) bool {
				return by == "id" && r.ID == value || by == "arn" && r.ARN == value || by == "name" && r.Name == value
			}); r != nil {
				return r
			}
		}
	}
	return nil
}

// outputs are what a resource shows: its inputs with AWS's defaults, and what
// only AWS knows.
func (k *Kind) outputs(c *Call, tags map[string]any) (map[string]any, error) {
	out := k.known(c, tags)
	if c.ARN != "" {
		out["arn"] = c.ARN
	}
	if k.Outputs == nil {
		return out, nil
	}
	more, err := k.Outputs(c)
	maps.Copy(out, more)
	return out, err
}

// known are the outputs that follow from known inputs.
func (k *Kind) known(c *Call, tags map[string]any) map[string]any {
	out := map[string]any{}
	for name, in := range k.Inputs {
		if in.Default != nil {
			out[name] = in.Default
		}
	}
	maps.Copy(out, c.Inputs)
	if _, taggable := k.Inputs["tags"]; taggable {
		all := maps.Clone(tags)
		if all == nil {
			all = map[string]any{}
		}
		own, _ := c.Inputs["tags"].(map[string]any)
		maps.Copy(all, own)
		out["tagsAll"] = all
	}
	for name := range c.Unknown {
		delete(out, name)
	}
	return out
}

// preview are the outputs that an update is expected to have.
func (k *Kind) preview(c *Call, tags map[string]any) map[string]any {
	out := maps.Clone(c.Old.Outputs)
	if out == nil {
		out = map[string]any{}
	}
	maps.Copy(out, k.known(c, tags))
	for name := range c.Unknown {
		delete(out, name)
	}
	return out
}

// computed are the outputs that only a creation tells.
func (k *Kind) computed() []string {
	out := slices.Clone(k.Computed)
	if k.ARN != nil && !slices.Contains(out, "arn") {
		out = append(out, "arn")
	}
	return out
}

// secrets are the properties to be kept secret.
func (k *Kind) secrets(p properties) map[string]bool {
	out := maps.Clone(p.secret)
	if out == nil {
		out = map[string]bool{}
	}
	for _, s := range k.Secrets {
		out[s] = true
	}
	for name, in := range k.Inputs {
		if in.Secret {
			out[name] = true
		}
	}
	return out
}

// state is what the engine records of a resource.
func state(r *cloud.Resource) map[string]any {
	out := maps.Clone(r.Outputs)
	out["id"] = r.ID
	return out
}

func (h *Host) note(c *Call, what string) {
	name := c.URN[strings.LastIndex(c.URN, "::")+2:]
	h.cloud.Journal.Add(cloud.Event{Kind: "resource", Subject: c.URN, Message: what + " " + name,
		Fields: map[string]any{"change": what, "stack": c.Stack, "name": name, "account": c.Account}})
}
