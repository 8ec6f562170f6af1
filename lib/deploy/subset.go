package deploy

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"delivery.internal/lib/sentinel"
)

// Opener decrypts a secret of a plan.
type Opener func(ciphertext string) (string, error)

// unshown returns what a fresh plan does and a reviewed plan does not: steps
// that are not in it, and properties that it does not set, or not to the same
// value. It names properties and never holds a value.
//
// The two may start from different states. What the fresh one no longer does
// has been done since, and does not matter.
func unshown(fresh, reviewed []byte, open Opener) ([]Change, error) {
	f, err := parsePlan(fresh)
	if err != nil {
		return nil, err
	}
	r, err := parsePlan(reviewed)
	if err != nil {
		return nil, err
	}
	var out []Change
	for _, urn := range slices.Sorted(maps.Keys(f.resources)) {
		now, err := resourcePlanOf(f, urn)
		if err != nil {
			return nil, err
		}
		shown, err := resourcePlanOf(r, urn)
		if err != nil {
			return nil, err
		}
		out = append(out, now.beyond(shown, open)...)
	}
	return out, nil
}

// resourcePlan is what a plan holds of one resource.
type resourcePlan struct {
	urn   string
	steps []string
	// inputs and outputs are the values that the plan sets; of those that it
	// takes away the value is gone.
	inputs, outputs map[string]any
	// options are everything else that the goal says: protection, parent,
	// provider, dependencies, timeouts.
	options map[string]any
}

// gone is the value of a property that a plan takes away.
type gone struct{}

func resourcePlanOf(p plan, urn string) (resourcePlan, error) {
	out := resourcePlan{urn: urn}
	r, ok := p.resources[urn].(map[string]any)
	if !ok {
		return out, nil
	}
	steps, _ := r["steps"].([]any)
	for _, s := range steps {
		out.steps = append(out.steps, fmt.Sprint(s))
	}
	goal, ok := r["goal"].(map[string]any)
	if !ok {
		if len(out.steps) == 0 {
			return out, fmt.Errorf("the saved plan has neither a goal nor steps for %s: expected them, as Pulumi %s writes them", urn, pinned)
		}
		return out, nil // a deletion
	}
	out.inputs, out.outputs, out.options = sets(goal["inputDiff"]), sets(goal["outputDiff"]), maps.Clone(goal)
	delete(out.options, "inputDiff")
	delete(out.options, "outputDiff")
	return out, nil
}

func sets(diff any) map[string]any {
	d, _ := diff.(map[string]any)
	out := map[string]any{}
	for _, part := range []string{"adds", "updates"} {
		values, _ := d[part].(map[string]any)
		maps.Copy(out, values)
	}
	deletes, _ := d["deletes"].([]any)
	for _, name := range deletes {
		out[fmt.Sprint(name)] = gone{}
	}
	return out
}

// acts says whether a resource is operated on.
func (r resourcePlan) acts() bool {
	return slices.ContainsFunc(r.steps, func(s string) bool { return s != opSame && !reads[s] })
}

// beyond is what a resource's fresh plan does beyond the one that was shown.
func (r resourcePlan) beyond(shown resourcePlan, open Opener) []Change {
	var out []Change
	if names := differing(r.outputs, shown.outputs, open); len(names) > 0 {
		out = append(out, Change{URN: r.urn, Op: opOutputs, Paths: names})
	}
	typ := Change{URN: r.urn}.Type()
	if !r.acts() || defaultProvider(r.urn, typ) && r.noise() {
		return out
	}
	if !slices.Equal(r.steps, shown.steps) {
		return append(out, Change{URN: r.urn, Op: strings.Join(r.steps, ", "), Paths: slices.Sorted(maps.Keys(r.inputs))})
	}
	inputs := r.inputs
	if defaultProvider(r.urn, typ) {
		inputs = maps.Clone(inputs)
		delete(inputs, assumeRole) // differs in every run; see noise
	}
	names := differing(inputs, shown.inputs, open)
	for _, name := range slices.Sorted(maps.Keys(r.options)) {
		if !sameOption(name, r.options[name], shown.options[name]) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		out = append(out, Change{URN: r.urn, Op: strings.Join(r.steps, ", "), Paths: names})
	}
	return out
}

// noise says what noise says of a Change: that a default provider comes, goes,
// or gets this run's role and session.
func (r resourcePlan) noise() bool {
	return noise(Change{URN: r.urn, Op: strings.Join(r.steps, ", "), Paths: slices.Collect(maps.Keys(r.inputs))}, Change{URN: r.urn}.Type())
}

func differing(fresh, shown map[string]any, open Opener) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(fresh)) {
		value, found := shown[name]
		if !found || !sameValue(fresh[name], value, open) {
			names = append(names, name)
		}
	}
	return names
}

// sameValue says whether a value is the one that was shown. What was shown as
// unknown may have become anything, as it may for the engine.
func sameValue(fresh, shown any, open Opener) bool {
	if shown == sentinel.UnknownText {
		return true
	}
	switch s := shown.(type) {
	case map[string]any:
		f, ok := fresh.(map[string]any)
		return ok && sameObject(f, s, open)
	case []any:
		f, ok := fresh.([]any)
		return ok && slices.EqualFunc(f, s, func(a, b any) bool { return sameValue(a, b, open) })
	}
	return reflect.DeepEqual(fresh, shown)
}

func sameObject(fresh, shown map[string]any, open Opener) bool {
	if fresh[sentinel.Signature] != shown[sentinel.Signature] {
		return false
	}
	switch shown[sentinel.Signature] {
	case sentinel.Secret:
		return sameSecret(fresh, shown, open)
	case sentinel.Asset, sentinel.Archive:
		// Its path may be that of this run's working copy.
		if hash, ok := shown["hash"].(string); ok && hash != "" {
			return fresh["hash"] == hash
		}
	}
	if len(fresh) != len(shown) {
		return false
	}
	for name, value := range shown {
		if f, found := fresh[name]; !found || !sameValue(f, value, open) {
			return false
		}
	}
	return true
}

// sameSecret compares two secrets. The CLI encrypts every secret of every plan
// with a nonce of its own, so equal values have different ciphertexts. They are
// compared decrypted, in memory. What can't be opened, for instance because
// the stack got another data key since, counts as another value.
func sameSecret(fresh, shown map[string]any, open Opener) bool {
	f, err1 := openSecret(fresh, open)
	s, err2 := openSecret(shown, open)
	return err1 == nil && err2 == nil && sameValue(f, s, open)
}

func openSecret(secret map[string]any, open Opener) (any, error) {
	ciphertext, ok := secret["ciphertext"].(string)
	if !ok || open == nil {
		return nil, errors.New("no ciphertext")
	}
	text, err := open(ciphertext)
	if err != nil {
		return nil, err
	}
	return decode([]byte(text))
}

// openWith decrypts as the CLI encrypts: AES-256-GCM, "v1:nonce:ciphertext".
func openWith(key []byte, ciphertext string) (string, error) {
	parts := strings.Split(ciphertext, ":")
	if len(parts) != 3 || parts[0] != "v1" {
		return "", fmt.Errorf("a secret of the plan is not of the form v1:nonce:ciphertext, as Pulumi %s writes it", pinned)
	}
	nonce, err1 := base64.StdEncoding.DecodeString(parts[1])
	sealed, err2 := base64.StdEncoding.DecodeString(parts[2])
	block, err3 := aes.NewCipher(key)
	if err := errors.Join(err1, err2, err3); err != nil {
		return "", err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return "", err
	}
	if len(nonce) != gcm.NonceSize() {
		return "", errors.New("the nonce of a secret has the wrong length")
	}
	text, err := gcm.Open(nil, nonce, sealed, nil)
	return string(text), err
}

// decode reads JSON and keeps the digits of numbers.
func decode(text []byte) (any, error) {
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}
