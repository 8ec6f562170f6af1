package pulumicli

import (
	"os"
	"slices"
	"strings"
)

// ProgramVariables are what a language host, its compiler and the program may
// get of an environment: where things are, and nothing that is a credential.
var ProgramVariables = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ",
	"LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE",
	"SSL_CERT_FILE", "SSL_CERT_DIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"GOPATH", "GOCACHE", "GOMODCACHE", "GOROOT", "GOTOOLCHAIN", "GOFLAGS", "GOWORK",
	"GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GONOSUMCHECK", "GOINSECURE",
	"GOOS", "GOARCH", "GOMAXPROCS", "GOMEMLIMIT", "CGO_ENABLED",
	"PULUMI_HOME", // where a host looks for plugins
}

// awsVariables are how AWS's clients find their credentials and their way: "Environment
// variables list" in the SDKs and Tools Reference Guide,
// https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
var awsVariables = []string{
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_SDK_LOAD_CONFIG",
	"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
	"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME",
	"AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_V1_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
	"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_STS_REGIONAL_ENDPOINTS",
	"AWS_CA_BUNDLE", "AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE", "AWS_DEFAULTS_MODE", "AWS_SDK_UA_APP_ID",
	"AWS_REQUEST_CHECKSUM_CALCULATION", "AWS_RESPONSE_CHECKSUM_VALIDATION",
	"AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
}

// awsEndpoints begin the names of the endpoints of single services.
const awsEndpoints = "AWS_ENDPOINT_URL_"

// cliVariables are the PULUMI_* variables that reach the CLI; any other could
// be a flag that nobody sees, such as PULUMI_SKIP_CHECKPOINTS.
var cliVariables = []string{"PULUMI_HOME", "PULUMI_DEBUG_PROVIDERS", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"}

// Environment says what the CLI's environment is to be.
type Environment struct {
	// Backend is the URL of the state backend.
	Backend string
	// First are folders to be searched before those of the PATH: for the CLI's
	// own hosts, or for wrappers of hosts and plugins.
	First []string
	// Also are variables to let through beside those that every CLI needs, for
	// instance a provider's token.
	Also []string
	// Passphrase lets the CLI open states that are encrypted with the empty
	// passphrase.
	Passphrase bool
}

// From returns the CLI's whole environment. Of the given one it takes only
// what is known to be needed: whatever else stands in it, the CLI behaves as
// it does elsewhere, and what the program inherits holds no surprise.
func (e Environment) From(own []string) []string {
	allowed := slices.Concat(ProgramVariables, awsVariables, cliVariables, e.Also)
	out, path := []string{}, strings.Join(e.First, string(os.PathListSeparator))
	for _, kv := range own {
		name, value, _ := strings.Cut(kv, "=")
		switch {
		case name == "PATH":
			path = strings.Join(append(slices.Clone(e.First), value), string(os.PathListSeparator))
		case slices.Contains(allowed, name) || strings.HasPrefix(name, awsEndpoints):
			out = append(out, kv)
		}
	}
	// Only with PULUMI_DEBUG_COMMANDS does the CLI know --event-log, as the
	// Automation API sets it too.
	out = append(out, "PATH="+path, "PULUMI_BACKEND_URL="+e.Backend, "PULUMI_SKIP_UPDATE_CHECK=true", "PULUMI_DEBUG_COMMANDS=true")
	if e.Passphrase {
		out = append(out, "PULUMI_CONFIG_PASSPHRASE=")
	}
	return out
}
