package provider

import (
	"encoding/json"
	"strings"
)

// schema is what a YAML program is checked against.
func schema(plugin string, kinds map[string]*Kind) (string, error) {
	resources := map[string]any{}
	for token, k := range kinds {
		if !strings.HasPrefix(token, plugin+":") {
			continue
		}
		inputs, required := map[string]any{}, []string{}
		for name, in := range k.Inputs {
			inputs[name] = typeOf(in)
			if in.Required {
				required = append(required, name)
			}
		}
		props := map[string]any{}
		for name := range inputs {
			props[name] = inputs[name]
		}
		for _, name := range k.computed() {
			props[name] = map[string]any{"type": "string"}
		}
		resources[token] = map[string]any{"inputProperties": inputs, "requiredInputs": required, "properties": props, "required": k.computed()}
	}
	text, err := json.Marshal(map[string]any{
		"name": plugin, "version": plugins[plugin],
		"meta":      map[string]any{"moduleFormat": "(.*)(?:/[^/]*)"},
		"provider":  map[string]any{},
		"resources": resources,
	})
	return string(text), err
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
