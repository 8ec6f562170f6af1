// Package stackoutputs writes and reads the exports that package stackrefs
// describes. It links the Pulumi SDK, so only programs import it.
package stackoutputs

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/stackrefs"
)

// Export writes every field of one of the structs of package stackrefs as a stack output
// named by its json tag.
func Export(ctx *pulumi.Context, exports any) error {
	v := reflect.ValueOf(exports)
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("json")
		in, err := input(v.Field(i).Interface())
		if err != nil {
			return fmt.Errorf("stack export %s: %w", name, err)
		}
		ctx.Export(name, in)
	}
	return nil
}

func input(v any) (pulumi.Input, error) {
	switch v := v.(type) {
	case nil:
		return nil, fmt.Errorf("has no value")
	case pulumi.StringInput:
		return v, nil
	case stackrefs.ByEnvironment[pulumi.StringInput]:
		m := pulumi.StringMap{}
		for env, s := range v {
			m[string(env)] = s
		}
		return m, nil
	}
	plain := map[string]any{}
	if err := convert(v, &plain); err != nil {
		return nil, err
	}
	return pulumi.Any(plain), nil
}

// Read fills one of the structs of package stackrefs, of plain strings, from the outputs
// of a stack of the same backend. The remedy ends the error when the stack or
// one of its outputs is missing, for instance "run: make bootstrap".
func Read[T any](ctx *pulumi.Context, project, stack, remedy string) (T, error) {
	var out T
	name := fmt.Sprintf("organization/%s/%s", project, stack)
	ref, err := pulumi.NewStackReference(ctx, name, nil)
	if err != nil {
		return out, fmt.Errorf("stack %s can't be read (%w): it must be deployed first; %s", name, err, remedy)
	}
	values := map[string]any{}
	t := reflect.TypeOf(out)
	for i := range t.NumField() {
		key := t.Field(i).Tag.Get("json")
		d, err := ref.GetOutputDetails(key)
		if err != nil {
			err = fmt.Errorf("stack %s can't be read (%w): it must be deployed first; %s", name, err, remedy)
			// The SDK drops a program's error when a read failed, and reports
			// the read alone: say it here, so that the remedy is seen.
			return out, errors.Join(err, ctx.Log.Error(err.Error(), nil))
		}
		value := d.Value
		if value == nil {
			value = d.SecretValue
		}
		if value == nil {
			return out, fmt.Errorf("stack %s has no output %q: it was not deployed, or by another version of this program; %s", name, key, remedy)
		}
		values[key] = value
	}
	if err := convert(values, &out); err != nil {
		return out, fmt.Errorf("stack %s has outputs that this program can't read (%w); %s", name, err, remedy)
	}
	return out, nil
}

// convert goes through JSON, which both sides' tags describe.
func convert(from, to any) error {
	b, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, to)
}
