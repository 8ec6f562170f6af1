package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		want options
		err  string
	}{
		"preview":      {[]string{"preview", "--source", "s", "--bundle", "b"}, options{"preview", "s", "b"}, ""},
		"defaults":     {[]string{"deploy"}, options{"deploy", ".", ".delivery"}, ""},
		"unknown verb": {[]string{"destroy"}, options{}, `unknown command "destroy"`},
		"unknown flag": {[]string{"deploy", "--force"}, options{}, "unknown flag: --force"},
		"argument":     {[]string{"deploy", "now"}, options{}, "unknown command"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got options
			command := command(func(_ context.Context, o options) error { got = o; return nil })
			command.SetArgs(c.args)
			err := command.ExecuteContext(t.Context())
			require.Equal(t, c.want, got)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
			} else {
				require.NoError(t, err)
			}
		})
	}
}
