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
		run  string
		want options
		err  string
	}{
		"preview":      {[]string{"preview", "--source", "s", "--bundle", "b"}, "preview", options{"s", "b"}, ""},
		"defaults":     {[]string{"deploy"}, "deploy", options{".", ".delivery"}, ""},
		"unknown verb": {[]string{"destroy"}, "", options{}, `unknown command "destroy"`},
		"unknown flag": {[]string{"deploy", "--force"}, "", options{}, "unknown flag: --force"},
		"argument":     {[]string{"deploy", "now"}, "", options{}, "unknown command"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got options
			var run string
			record := func(name string) func(context.Context, options) error {
				return func(_ context.Context, o options) error { got, run = o, name; return nil }
			}
			command := command(commands{preview: record("preview"), deploy: record("deploy")})
			command.SetArgs(c.args)
			err := command.ExecuteContext(t.Context())
			require.Equal(t, c.want, got)
			require.Equal(t, c.run, run)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
			} else {
				require.NoError(t, err)
			}
		})
	}
}
