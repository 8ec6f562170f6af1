package story

import (
	"cmp"
	"encoding/json"
	"os"
	"strings"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

// Item is one deployed resource in the inventory.
type Item struct {
	Stack   string         `json:"stack"` // organization/project/stack
	Type    string         `json:"type"`
	Name    string         `json:"name"`         // logical name, from the URN
	Named   string         `json:"physicalName"` // "" where the type has none
	ID      string         `json:"id"`
	ARN     string         `json:"arn,omitempty"`
	Account string         `json:"account"`
	URN     string         `json:"urn"`
	Inputs  map[string]any `json:"inputs"`
	Outputs map[string]any `json:"outputs"`
}

// inventory lists everything that is deployed. Secret values are replaced by
// "[secret]", wherever they occur.
func inventory(deployed []*cloud.Resource) []Item {
	hide := secretHider(deployed)
	out := make([]Item, 0, len(deployed))
	for _, d := range deployed {
		out = append(out, Item{
			Stack: d.Stack, Type: d.Type, Name: d.URN[strings.LastIndex(d.URN, "::")+2:], Named: cmp.Or(d.Name, d.Str("name")),
			ID: d.ID, ARN: d.ARN, Account: d.Account, URN: d.URN,
			Inputs: hide(d.Inputs).(map[string]any), Outputs: hide(d.Outputs).(map[string]any),
		})
	}
	return out
}

// writeInventory writes the inventory of what is deployed as JSON.
func writeInventory(file string, deployed []*cloud.Resource) error {
	text, err := json.MarshalIndent(inventory(deployed), "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o600)
}

// secretProperties are where the secrets of the platform are, by type.
var secretProperties = map[string][]string{
	typetoken.RandomPassword: {"result", "bcryptHash"},
	typetoken.SecretVersion:  {"secretString", "secretBinary"},
	typetoken.GitHubWebhook:  {"configuration.secret"},
	typetoken.GitHubSecret:   {"plaintextValue", "encryptedValue"},
}

// secretHider returns a function that copies a value without the secrets.
func secretHider(deployed []*cloud.Resource) func(any) any {
	secrets := map[string]bool{}
	for _, d := range deployed {
		for _, path := range secretProperties[d.Type] {
			for _, from := range []map[string]any{d.Inputs, d.Outputs} {
				if s, ok := cloud.Lookup(from, path).(string); ok && s != "" {
					secrets[s] = true
				}
			}
		}
	}
	var hide func(any) any
	hide = func(v any) any {
		switch v := v.(type) {
		case string:
			for s := range secrets {
				v = strings.ReplaceAll(v, s, "[secret]")
			}
			return v
		case []any:
			out := make([]any, len(v))
			for i, e := range v {
				out[i] = hide(e)
			}
			return out
		case map[string]any:
			out := map[string]any{}
			for k, e := range v {
				out[k] = hide(e)
			}
			return out
		case []byte:
			return len(v) // code and archives are shown by their size
		}
		return v
	}
	return hide
}
