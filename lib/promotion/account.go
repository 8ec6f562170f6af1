package promotion

import (
	"encoding/json"
	"fmt"
)

// Account is a twelve-digit account id. In configuration it may also be a
// number, because `pulumi config set --path` writes what looks like one as one.
type Account string

// UnmarshalJSON implements json.Unmarshaler.
func (a *Account) UnmarshalJSON(b []byte) error {
	var value any
	if err := json.Unmarshal(b, &value); err != nil {
		return err
	}
	switch v := value.(type) {
	case string:
		*a = Account(v)
	case float64: // exact for twelve digits
		*a = Account(fmt.Sprintf("%.0f", v))
	default:
		return fmt.Errorf("account is %s: expected a twelve-digit AWS account id", b)
	}
	return nil
}
