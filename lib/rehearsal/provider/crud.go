package provider

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/iam"
	"delivery.internal/lib/rehearsal/cloud"
)

// create makes a resource, or refuses as AWS would.
func (h *Host) create(k *Kind, c *Call, tags map[string]any) (*cloud.Resource, error) {
	if err := h.checkInputs(k, c); err != nil {
		return nil, err
	}
	k.identifyResource(c)
	if err := h.strikeFault("create", c); err != nil {
		return nil, err
	}
	release, err := h.reserveNames(k, c)
	if err != nil {
		return nil, err
	}
	defer release()
	// A name that is taken comes first: the policy of the resource that has it
	// has no say about this one.
	if err := k.checkUnique(c); err != nil {
		return nil, err
	}
	if err := h.authorizeActions(k, c, k.Actions.Create); err != nil {
		return nil, err
	}
	if err := errors.Join(k.checkReferences(c), k.checkPolicies(c)); err != nil {
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
	h.addToJournal(c, "created")
	return made, nil
}

// identifyResource gives a new resource its name, ARN and id.
func (k *Kind) identifyResource(c *Call) {
	if k.Name != "" {
		c.Name = c.Str(k.Name)
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
}

func (h *Host) update(k *Kind, c *Call, tags map[string]any) (*cloud.Resource, error) {
	if err := h.checkInputs(k, c); err != nil {
		return nil, err
	}
	if err := h.strikeFault("update", c); err != nil {
		return nil, err
	}
	if err := h.authorizeActions(k, c, k.updateActions(c)); err != nil {
		return nil, err
	}
	if err := errors.Join(k.checkUnique(c), k.checkReferences(c), k.checkPolicies(c)); err != nil {
		return nil, err
	}
	outputs, err := k.outputs(c, tags)
	if err != nil {
		return nil, err
	}
	h.cloud.Update(c.Account, k.Token, c.ID, func(r *cloud.Resource) { r.Inputs, r.Outputs, r.URN, r.Stack = c.Inputs, outputs, c.URN, c.Stack })
	h.addToJournal(c, "updated")
	return h.cloud.Get(c.Account, k.Token, c.ID), nil
}

// updateActions are the actions for the inputs that differ.
func (k *Kind) updateActions(c *Call) []string {
	var out []string
	for _, input := range changedKeys(properties{values: c.Old.Inputs}, properties{values: c.Inputs}, nil, func(p string) bool { return k.Inputs[p].Computed }) {
		actions, listed := k.UpdateBy[input]
		if !listed {
			actions = k.Actions.Update
		}
		for _, a := range actions {
			if !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	return out
}

func (h *Host) delete(k *Kind, c *Call) error {
	if err := h.strikeFault("delete", c); err != nil {
		return err
	}
	if err := h.authorizeActions(k, c, k.Actions.Delete); err != nil {
		return err
	}
	if k.Delete != nil {
		if err := k.Delete(c); err != nil {
			return err
		}
	}
	h.cloud.Remove(c.Account, k.Token, c.ID)
	h.addToJournal(c, "deleted")
	return nil
}

// checkInputs holds inputs, all known by now, to what AWS accepts.
func (h *Host) checkInputs(k *Kind, c *Call) error {
	if len(c.Unknown) > 0 {
		return fmt.Errorf("inputs are not known: %v", slices.Sorted(maps.Keys(c.Unknown)))
	}
	if c.Account == "" {
		return errUnconfigured
	}
	var errs []error
	for _, f := range k.check(c) {
		errs = append(errs, apierr.BadRequest("ValidationException", "%s", strings.TrimSpace(f.property+" "+f.reason)))
	}
	return errors.Join(errs...)
}

// strikeFault lets an injected fault fail the operation. A fault of service
// "provider" selects by operation (create, read, update, delete, invoke) and by
// a part of the URN, for instance the type.
func (h *Host) strikeFault(operation string, c *Call) error {
	if f := h.cloud.Strike("provider", operation, c.URN); f != nil {
		h.cloud.Journal.Add(cloud.Event{Kind: "fault", Subject: c.URN, Message: f.Code + " on " + operation})
		return fmt.Errorf("%s: the request was made to fail (%s %s)", f.Code, operation, c.URN)
	}
	return nil
}

// authorizeActions asks for every action. The policy of a resource that does not
// exist yet has no say: the identity's policies alone decide.
func (h *Host) authorizeActions(k *Kind, c *Call, actions []string) error {
	if c.Session == nil {
		return nil // not AWS
	}
	for _, a := range actions {
		for _, resource := range k.authorizedARNs(c, a) {
			if err := h.cloud.Authorize(cloud.Call{Session: c.Session, Action: a, Resource: resource}); err != nil {
				return err
			}
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

func (k *Kind) authorizedARNs(c *Call, action string) []string {
	switch {
	case starOnly[action]:
		return []string{"*"}
	case k.Target != nil:
		return k.Target(c, action)
	case c.ARN == "":
		return []string{"*"}
	}
	return []string{c.ARN}
}

// reserveNames keeps a second creation of the same name or slot out while this one
// is under way: engines work in parallel, and AWS lets one of them win.
func (h *Host) reserveNames(k *Kind, c *Call) (release func(), err error) {
	var keys []string
	if k.Name != "" {
		keys = append(keys, strings.ToLower(k.nameScope(c)+"|"+k.Token+"|"+c.Name))
	}
	if len(k.Slot) > 0 {
		keys = append(keys, k.nameScope(c)+"|"+k.Token+"|"+strings.Join(k.slotValues(c.Inputs), "|"))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, key := range keys {
		if h.reserved[key] {
			return nil, apierr.BadRequest("ConflictException", "%s %s is being created by somebody else at this moment", k.Token, c.ID)
		}
	}
	for _, key := range keys {
		h.reserved[key] = true
	}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, key := range keys {
			delete(h.reserved, key)
		}
	}, nil
}

// nameScope is the account in which names are unique, empty for all of them.
func (k *Kind) nameScope(c *Call) string {
	if k.Global {
		return ""
	}
	return c.Account
}

// slotValues are the values, with AWS's defaults, that no two resources share.
func (k *Kind) slotValues(inputs map[string]any) []string {
	var out []string
	for _, path := range k.Slot {
		v := cloud.Lookup(inputs, path)
		if v == nil {
			v = k.Inputs[path].Default
		}
		out = append(out, fmt.Sprint(v))
	}
	return out
}

// checkUnique refuses a second resource of a name, and a second one in a slot.
func (k *Kind) checkUnique(c *Call) error {
	other := func(r *cloud.Resource) bool { return c.Old == nil || r.ID != c.ID || r.Account != c.Account }
	if k.Name != "" {
		same := func(r *cloud.Resource) bool { return other(r) && k.sameName(r.Name, c.Name) }
		if twin := c.Cloud.First(k.nameScope(c), k.Token, same); twin != nil {
			return k.takenError(c, twin)
		}
	}
	if len(k.Slot) == 0 {
		return nil
	}
	mine := k.slotValues(c.Inputs)
	twin := c.Cloud.First(k.nameScope(c), k.Token, func(r *cloud.Resource) bool { return other(r) && slices.Equal(k.slotValues(r.Inputs), mine) })
	if twin != nil {
		return apierr.BadRequest("ResourceConflict", "%s has the same %s as %s, which it would replace without a word", k.Token, strings.Join(k.Slot, " and "), twin.URN)
	}
	return nil
}

// sameName: names in IAM are not distinguished by case. See CreateRole in the
// IAM API.
func (k *Kind) sameName(a, b string) bool {
	return a == b || strings.HasPrefix(k.Token, "aws:iam/") && strings.EqualFold(a, b)
}

func (k *Kind) takenError(c *Call, twin *cloud.Resource) error {
	text := k.Taken
	switch {
	case text == "":
		return apierr.BadRequest("ResourceAlreadyExists", "%s named %q already exists in account %s", k.Token, c.Name, twin.Account)
	case k.Global && twin.Account != c.Account:
		return apierr.BadRequest("BucketAlreadyExists", "the requested name %q is in use in another account", c.Name)
	}
	return fmt.Errorf(text, c.Name)
}

// checkReferences holds inputs that name other resources to what exists.
func (k *Kind) checkReferences(c *Call) error {
	var errs []error
	walkInputs("", k.Inputs, c.Inputs, func(path string, in Input, value string) {
		if in.Refers == nil || value == "" {
			return
		}
		if findReferred(c, *in.Refers, value) == nil {
			errs = append(errs, apierr.BadRequest("ResourceNotFoundException", "%s is %q, but no %s with that %s exists", path, value, strings.Join(in.Refers.Types, " or "), in.Refers.By))
		}
	})
	return errors.Join(errs...)
}

// checkPolicies holds policy documents to what AWS accepts, now that every
// principal can be looked up.
func (k *Kind) checkPolicies(c *Call) error {
	var errs []error
	walkInputs("", k.Inputs, c.Inputs, func(path string, in Input, value string) {
		if in.Policy == nil {
			return
		}
		env := iam.Env{Owner: c.ARN, Exists: func(arn string) bool { return c.Cloud.ByARN(arn) != nil }}
		if env.Owner == "" && k.Target != nil {
			env.Owner = k.Target(c, "")[0] // a policy that is a resource of its own
		}
		if k.Token == typetoken.Key && c.Session != nil && c.Inputs["bypassPolicyLockoutSafetyCheck"] != true {
			env.Caller = &c.Session.Principal
		}
		if err := iam.Validate(*in.Policy, value, env); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
		}
	})
	return errors.Join(errs...)
}

// walkInputs visits every string in inputs with its description.
func walkInputs(path string, fields map[string]Input, values map[string]any, visit func(string, Input, string)) {
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
			walkInputs(path, in.Fields, v, visit)
			return
		}
		for k, e := range v {
			if in.Elem != nil {
				walkValue(path+"."+k, *in.Elem, e, visit)
			}
		}
	}
}

// findReferred looks a referenced resource up.
func findReferred(c *Call, ref Reference, value string) *cloud.Resource {
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
	out := k.knownOutputs(c, tags)
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

// knownOutputs are the outputs that follow from known inputs.
func (k *Kind) knownOutputs(c *Call, tags map[string]any) map[string]any {
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

// previewOutputs are the outputs that an update is expected to have.
func (k *Kind) previewOutputs(c *Call, tags map[string]any) map[string]any {
	out := maps.Clone(c.Old.Outputs)
	if out == nil {
		out = map[string]any{}
	}
	maps.Copy(out, k.knownOutputs(c, tags))
	for name := range c.Unknown {
		delete(out, name)
	}
	return out
}

// computedOutputs are the outputs that only a creation tells.
func (k *Kind) computedOutputs() []string {
	out := slices.Clone(k.Computed)
	if k.ARN != nil && !slices.Contains(out, "arn") {
		out = append(out, "arn")
	}
	return out
}

// secretOutputs are the properties to be kept secret.
func (k *Kind) secretOutputs(p properties) map[string]bool {
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

// state is what the engine records of a resource. One that was not deployed,
// but found, may have no outputs.
func state(r *cloud.Resource) map[string]any {
	out := map[string]any{}
	if r.Outputs == nil {
		maps.Copy(out, r.Inputs)
	}
	maps.Copy(out, r.Outputs)
	if r.ARN != "" && out["arn"] == nil {
		out["arn"] = r.ARN
	}
	out["id"] = r.ID
	return out
}

func (h *Host) addToJournal(c *Call, what string) {
	name := c.URN[strings.LastIndex(c.URN, "::")+2:]
	h.cloud.Journal.Add(cloud.Event{Kind: "resource", Subject: c.URN, Message: what + " " + name,
		Fields: map[string]any{"change": what, "stack": c.Stack, "name": name, "account": c.Account}})
}
