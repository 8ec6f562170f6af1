package provider

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/types/known/structpb"

	"delivery.internal/lib/sentinel"
)

// properties are a resource's properties as plain values, with what plain
// values can't say.
type properties struct {
	values  map[string]any
	unknown map[string]bool            // top-level properties that hold an unknown value
	partial map[string]any             // the same with what is known of them; see unknown
	secret  map[string]bool            // top-level properties that hold a secret
	raw     map[string]*structpb.Value // as they came; without null
}

// unknown stands for a value, inside another one, that is not known yet.
type unknown struct{}

// read takes properties from the wire.
func read(s *structpb.Struct) (properties, error) {
	p := properties{values: map[string]any{}, unknown: map[string]bool{}, partial: map[string]any{}, secret: map[string]bool{}, raw: map[string]*structpb.Value{}}
	for key, v := range s.GetFields() {
		var r reading
		value, err := r.value(v)
		if err != nil {
			return p, fmt.Errorf("%s: %w", key, err)
		}
		p.secret[key] = r.secret
		switch {
		case r.unknown:
			p.unknown[key], p.partial[key] = true, value
		case value != nil:
			p.values[key] = value
		}
		if _, null := v.GetKind().(*structpb.Value_NullValue); !null {
			p.raw[key] = v
		}
	}
	return p, nil
}

// loader reads the bytes of an asset or archive, when they are needed.
type loader func() ([]byte, error)

// MarshalJSON shows nothing: the hash beside it identifies the bytes.
func (loader) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// write puts plain values on the wire; secret and unknown properties are
// marked. Assets keep their original form.
func write(values map[string]any, p properties, secret map[string]bool, unknown []string) (*structpb.Struct, error) {
	out := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for key, v := range values {
		if original, ok := p.raw[key]; ok && carriesAsset(v) {
			out.Fields[key] = original
			continue
		}
		wired, err := wireValue(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if secret[key] {
			wired = wireSecret(wired)
		}
		out.Fields[key] = wired
	}
	for key := range p.unknown {
		out.Fields[key] = p.raw[key]
	}
	for _, key := range unknown {
		out.Fields[key] = structpb.NewStringValue(sentinel.UnknownText)
	}
	return out, nil
}

func carriesAsset(v any) bool {
	m, ok := v.(map[string]any)
	return ok && m["load"] != nil
}

// load returns the bytes of an asset or archive.
func load(v any) ([]byte, error) {
	m, _ := v.(map[string]any)
	f, ok := m["load"].(loader)
	if !ok {
		return nil, fmt.Errorf("it is not an asset: expected a file or an archive")
	}
	return f()
}

// decode reads a property that bridged providers get as JSON text.
func decode(v any) any {
	text, ok := v.(string)
	if !ok {
		return v
	}
	var out any
	if json.Unmarshal([]byte(text), &out) == nil {
		switch out.(type) {
		case map[string]any, []any, bool:
			return out
		}
	}
	return text
}
