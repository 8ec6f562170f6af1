package provider

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/archive"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/asset"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/sig"
	"google.golang.org/protobuf/types/known/structpb"

	"delivery.internal/lib/sentinel"
)

// The engine's values travel as JSON, in which a map with a signature stands
// for what JSON can't say, and certain texts for values that are not known
// yet. The SDK reads them in its package plugin, which links a library that
// asks the terminal for its colours when a process starts and waits for the
// answer: so the little that a provider needs is here, and the tests hold it to
// go/common/resource/plugin/rpc.go of the SDK.

// valueKey holds the value of a secret, an output or a text of bytes.
const valueKey = "value"

// reading turns one property into plain values, and notes what these can't say.
type reading struct {
	secret  bool // it holds a secret
	unknown bool // it holds an unknown value
}

// value returns the plain value; nil for null.
func (r *reading) value(v *structpb.Value) (any, error) {
	switch kind := v.GetKind().(type) {
	case *structpb.Value_NullValue:
		return nil, nil
	case *structpb.Value_BoolValue:
		return kind.BoolValue, nil
	case *structpb.Value_NumberValue:
		return kind.NumberValue, nil
	case *structpb.Value_StringValue:
		if slices.Contains(sentinel.Unknowns, kind.StringValue) {
			return r.notKnown(), nil
		}
		return kind.StringValue, nil
	case *structpb.Value_ListValue:
		return r.list(kind.ListValue)
	case *structpb.Value_StructValue:
		if _, special := kind.StructValue.GetFields()[sig.Key]; special {
			return r.special(kind.StructValue)
		}
		return r.object(kind.StructValue)
	}
	return nil, fmt.Errorf("value of kind %T: expected one that JSON has", v.GetKind())
}

func (r *reading) notKnown() any {
	r.unknown = true
	return unknown{}
}

func (r *reading) list(l *structpb.ListValue) (any, error) {
	out := []any{}
	for _, e := range l.GetValues() {
		plain, err := r.value(e)
		if err != nil {
			return nil, err
		}
		out = append(out, plain)
	}
	return out, nil
}

func (r *reading) object(s *structpb.Struct) (any, error) {
	out := map[string]any{}
	for key, e := range s.GetFields() {
		plain, err := r.value(e)
		if err != nil {
			return nil, err
		}
		if plain != nil {
			out[key] = plain
		}
	}
	return out, nil
}

// special reads a map with a signature.
func (r *reading) special(s *structpb.Struct) (any, error) {
	fields := s.GetFields()
	value, known := fields[valueKey]
	switch signature := fields[sig.Key].GetStringValue(); signature {
	case sig.Secret:
		r.secret = true
		if !known {
			return nil, errors.New("secret without a value")
		}
		return r.value(value)
	case sig.OutputValue:
		r.secret = r.secret || fields["secret"].GetBoolValue()
		if !known {
			return r.notKnown(), nil
		}
		return r.value(value)
	case sig.ResourceReference: // a program that gives a resource means its id
		id := fields["id"]
		if text, given := id.GetKind().(*structpb.Value_StringValue); given && text.StringValue == "" {
			return r.notKnown(), nil
		} else if id == nil {
			return nil, nil
		}
		return r.value(id)
	case sig.ByteString:
		text, err := base64.StdEncoding.DecodeString(value.GetStringValue())
		return string(text), err
	case sig.AssetSig:
		a, _, err := asset.Deserialize(s.AsMap())
		return map[string]any{"asset": a.Path, "hash": a.Hash, "load": loader(a.Bytes)}, err
	case sig.ArchiveSig:
		a, _, err := archive.Deserialize(s.AsMap())
		return map[string]any{"asset": a.Path, "hash": a.Hash, "load": loader(func() ([]byte, error) { return a.Bytes(archive.ZIPArchive) })}, err
	default:
		return nil, fmt.Errorf("signature %q is not one that a provider knows", signature)
	}
}

// wireValue is what value reads, for plain Go values of any type.
func wireValue(v any) (*structpb.Value, error) { return wirePlain(resource.NewPropertyValue(v)) }

func wirePlain(v resource.PropertyValue) (*structpb.Value, error) {
	switch {
	case v.IsNull():
		return structpb.NewNullValue(), nil
	case v.IsBool():
		return structpb.NewBoolValue(v.BoolValue()), nil
	case v.IsNumber():
		return structpb.NewNumberValue(v.NumberValue()), nil
	case v.IsString():
		return structpb.NewStringValue(v.StringValue()), nil
	case v.IsArray():
		list := &structpb.ListValue{}
		for _, e := range v.ArrayValue() {
			wired, err := wirePlain(e)
			if err != nil {
				return nil, err
			}
			list.Values = append(list.Values, wired)
		}
		return structpb.NewListValue(list), nil
	case v.IsObject():
		object := &structpb.Struct{Fields: map[string]*structpb.Value{}}
		for key, e := range v.ObjectValue() {
			wired, err := wirePlain(e)
			if err != nil {
				return nil, err
			}
			object.Fields[string(key)] = wired
		}
		return structpb.NewStructValue(object), nil
	}
	return nil, fmt.Errorf("a value of type %T has no plain form", v.V)
}

// wireSecret marks a value as a secret.
func wireSecret(v *structpb.Value) *structpb.Value {
	return structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{sig.Key: structpb.NewStringValue(sig.Secret), valueKey: v}})
}
