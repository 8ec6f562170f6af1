package projectconfig_test

import (
	"regexp"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/projectconfig"
)

type noCloud struct{}

func (noCloud) NewResource(a pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	return a.Name, a.Inputs, nil
}

func (noCloud) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return resource.PropertyMap{}, nil
}

// read runs f with a Reader of the given configuration.
func read(t *testing.T, config map[string]string, f func(*projectconfig.Reader)) {
	t.Helper()
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		f(projectconfig.NewReader(ctx))
		return nil
	}, pulumi.WithMocks("shop", "a1b2", noCloud{}), func(i *pulumi.RunInfo) { i.Config = config })
	require.NoError(t, err)
}

func TestReaderReadsWhatIsSet(t *testing.T) {
	t.Parallel()
	read(t, map[string]string{"shop:name": "x", "shop:on": "true", "shop:count": "7", "shop:list": `["a","b"]`}, func(r *projectconfig.Reader) {
		var list []string
		r.Object("list", &list, "a list", "'[]'")
		require.Equal(t, []string{"a", "b"}, list)
		require.Equal(t, "x", r.Required("name", "a name", "y"))
		require.Equal(t, "x", r.Match("name", "", regexp.MustCompile(`^[a-z]$`), "a letter", "y"))
		require.Equal(t, "x", r.OneOf("name", "y", "x", "y"))
		require.True(t, r.Bool("on", false))
		require.Equal(t, 7, r.Int("count", 1, 1, 9))
		require.NoError(t, r.Err())
	})
}

func TestReaderTakesDefaults(t *testing.T) {
	t.Parallel()
	read(t, nil, func(r *projectconfig.Reader) {
		list := []string{"kept"}
		r.Object("list", &list, "a list", "'[]'")
		require.Equal(t, []string{"kept"}, list)
		require.Equal(t, "d", r.String("name", "d"))
		require.True(t, r.Bool("on", true))
		require.Equal(t, 3, r.Int("count", 3, 1, 9))
		require.NoError(t, r.Err())
	})
}

func TestReaderCollectsEveryMistake(t *testing.T) {
	t.Parallel()
	config := map[string]string{"shop:kind": "blue", "shop:on": "perhaps", "shop:count": "10", "shop:list": "{", "shop:id": "?"}
	read(t, config, func(r *projectconfig.Reader) {
		var list []string
		r.Object("list", &list, "a list", "'[]'")
		r.Required("name", "a name", "y")
		r.Match("id", "", regexp.MustCompile(`^[a-z]$`), "a letter", "y")
		r.OneOf("kind", "red", "red", "green")
		r.Bool("on", false)
		r.Int("count", 1, 1, 9)
		for _, want := range []string{
			`"shop:list" is "{"`, `"shop:name" is ""`, `"shop:id" is "?"`, `"shop:kind" is "blue": expected one of [red green]`,
			`"shop:on" is "perhaps": expected true or false`, `"shop:count" is "10": expected a whole number from 1 to 9; set it with: pulumi config set 'shop:count' 1`,
		} {
			require.ErrorContains(t, r.Err(), want)
		}
	})
}
