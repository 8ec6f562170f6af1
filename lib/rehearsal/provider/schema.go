package provider

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// schema is what a YAML program is checked against: the types of the registry
// with their inputs and outputs, and the functions.
func schema(plugin string, kinds map[string]*Kind) (string, error) {
	resources := map[string]any{}
	for token, k := range kinds {
		if strings.HasPrefix(token, plugin+":") {
			resources[token] = k.schema()
		}
	}
	config := map[string]any{}
	for _, name := range settings[plugin] {
		config[name] = map[string]any{"$ref": "pulumi.json#/Any"}
	}
	text, err := json.Marshal(map[string]any{
		"name": plugin, "version": plugins[plugin],
		"meta":      map[string]any{"moduleFormat": "(.*)(?:/[^/]*)"},
		"config":    map[string]any{"variables": config},
		"provider":  map[string]any{"inputProperties": config},
		"resources": resources,
		"functions": functionSchemas(plugin),
	})
	return string(text), err
}

func (k *Kind) schema() map[string]any {
	inputs, required := map[string]any{}, []string{}
	for _, name := range slices.Sorted(maps.Keys(k.Inputs)) {
		inputs[name] = typeOf(k.Inputs[name])
		if k.Inputs[name].Required {
			required = append(required, name)
		}
	}
	outputs := maps.Clone(inputs)
	for _, name := range k.computedOutputs() {
		if outputs[name] == nil {
			outputs[name] = map[string]any{"type": "string"}
		}
	}
	if _, taggable := k.Inputs["tags"]; taggable {
		outputs["tagsAll"] = typeOf(tags)
	}
	for _, name := range slices.Concat(k.Secrets, slices.Collect(maps.Keys(k.Inputs))) {
		if p, ok := outputs[name].(map[string]any); ok && (k.Inputs[name].Secret || slices.Contains(k.Secrets, name)) {
			p = maps.Clone(p)
			p["secret"] = true
			outputs[name] = p
		}
	}
	return map[string]any{"inputProperties": inputs, "requiredInputs": required, "properties": outputs, "required": slices.Sorted(maps.Keys(outputs))}
}

func functionSchemas(plugin string) map[string]any {
	out := map[string]any{}
	for token, f := range functions {
		if !strings.HasPrefix(token, plugin+":") {
			continue
		}
		inputs, required, outputs := map[string]any{}, []string{}, map[string]any{}
		for name, needed := range f.inputs {
			inputs[name] = map[string]any{"$ref": "pulumi.json#/Any"}
			if needed {
				required = append(required, name)
			}
		}
		for name, typ := range f.outputs {
			outputs[name] = map[string]any{"type": typ}
		}
		out[token] = map[string]any{
			"inputs":  map[string]any{"type": "object", "properties": inputs, "required": required},
			"outputs": map[string]any{"type": "object", "properties": outputs, "required": slices.Sorted(maps.Keys(outputs))},
		}
	}
	return out
}

func typeOf(in Input) map[string]any {
	anything := map[string]any{"$ref": "pulumi.json#/Any"}
	switch in.Shape {
	case Number:
		return map[string]any{"type": "number"}
	case Bool:
		return map[string]any{"type": "boolean"}
	case List:
		items := anything
		if in.Elem != nil {
			items = typeOf(*in.Elem)
		}
		return map[string]any{"type": "array", "items": items}
	case Map:
		elem := anything
		if in.Elem != nil {
			elem = typeOf(*in.Elem)
		}
		return map[string]any{"type": "object", "additionalProperties": elem}
	case Object:
		return map[string]any{"type": "object", "additionalProperties": anything}
	case Any:
		return anything
	}
	return map[string]any{"type": "string"}
}
