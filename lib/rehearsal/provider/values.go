package provider

import (
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/archive"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"google.golang.org/protobuf/types/known/structpb"
)

// properties are a resource's properties as plain values, with what plain
// values can't say.
type properties struct {
	values  map[string]any
	unknown map[string]bool // top-level properties that hold an unknown value
	partial map[string]any  // the same with what is known of them; see unknown
	secret  map[string]bool // top-level properties that hold a secret
	raw     resource.PropertyMap
}

// unknown stands for a value, inside another one, that is not known yet.
type unknown struct{}

// read takes properties from the wire.
func read(s *structpb.Struct) (properties, error) {
	raw, err := plugin.UnmarshalProperties(s, plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, KeepResources: true, SkipNulls: true})
	if err != nil {
		return properties{}, err
	}
	p := properties{values: map[string]any{}, unknown: map[string]bool{}, partial: map[string]any{}, secret: map[string]bool{}, raw: raw}
	for k, v := range raw {
		key := string(k)
		value, err := plain(v)
		if err != nil {
			return p, fmt.Errorf("%s: %w", key, err)
		}
		p.secret[key] = v.ContainsSecrets()
		switch {
		case v.ContainsUnknowns():
			p.unknown[key], p.partial[key] = true, value
		case value != nil:
			p.values[key] = value
		}
	}
	return p, nil
}

// plain turns a value into a plain one.
func plain(v resource.PropertyValue) (any, error) {
	switch {
	case v.IsComputed(), v.IsOutput() && !v.OutputValue().Known:
		return unknown{}, nil
	case v.IsSecret():
		return plain(v.SecretValue().Element)
	case v.IsOutput():
		return plain(v.OutputValue().Element)
	case v.IsResourceReference(): // a program that gives a resource means its id
		return plain(v.ResourceReferenceValue().ID)
	case v.IsArray():
		out := []any{}
		for _, e := range v.ArrayValue() {
			p, err := plain(e)
			if err != nil {
				return nil, err
			}
			out = append(out, p)
		}
		return out, nil
	case v.IsObject():
		out := map[string]any{}
		for k, e := range v.ObjectValue() {
			p, err := plain(e)
			if err != nil {
				return nil, err
			}
			if p != nil {
				out[string(k)] = p
			}
		}
		return out, nil
	case v.IsAsset():
		a := v.AssetValue()
		return map[string]any{"asset": a.Path, "hash": a.Hash, "load": loader(a.Bytes)}, nil
	case v.IsArchive():
		a := v.ArchiveValue()
		return map[string]any{"asset": a.Path, "hash": a.Hash, "load": loader(func() ([]byte, error) { return a.Bytes(archive.ZIPArchive) })}, nil
	case v.IsNull():
		return nil, nil
	}
	return v.V, nil
}

// loader reads the bytes of an asset or archive, when they are needed.
type loader func() ([]byte, error)

// MarshalJSON shows nothing: the hash beside it identifies the bytes.
func (loader) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// write puts plain values on the wire; secret and unknown properties are
// marked. Assets keep their original form.
func write(values map[string]any, p properties, secret map[string]bool, unknown []string) (*structpb.Struct, error) {
	out := resource.PropertyMap{}
	for k, v := range values {
		key := resource.PropertyKey(k)
		if original, ok := p.raw[key]; ok && carriesAsset(v) {
			out[key] = original
			continue
		}
		out[key] = resource.NewPropertyValue(v)
		if secret[k] {
			out[key] = resource.MakeSecret(out[key])
		}
	}
	for k := range p.unknown {
		out[resource.PropertyKey(k)] = p.raw[resource.PropertyKey(k)]
	}
	for _, k := range unknown {
		out[resource.PropertyKey(k)] = resource.MakeComputed(resource.NewStringProperty(""))
	}
	return plugin.MarshalProperties(out, plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, KeepResources: true})
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
		return nil, fmt.Errorf("it is no asset: expected a file or an archive")
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
