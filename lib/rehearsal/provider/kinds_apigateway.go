package provider

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

const websocket = "WEBSOCKET"

// apigatewayKinds: constraints from the API model of API Gateway V2 (CreateApi,
// CreateIntegration, CreateRoute, CreateStage) and "Working with HTTP APIs".
func apigatewayKinds() []Kind {
	return []Kind{httpAPI(), httpIntegration(), httpRoute(), httpStage()}
}

// apiARN is the ARN with which policies name an API's settings; rest is a path
// below it.
func apiARN(id, rest string) string {
	return cloud.ARN("apigateway", "", "/apis/"+id+rest)
}

// apiCall authorises the REST calls that the parts of an API are made of.
func apiCall(collection string) func(c *Call, verb string) error {
	return func(c *Call, verb string) error {
		return c.authorizeAlso(apiARN(c.Str("apiId"), "/"+collection), nil, "apigateway:"+verb)
	}
}

// actionVerb is how an operation is called in API Gateway's IAM actions.
func actionVerb(c *Call) string {
	if c.Old == nil {
		return "POST"
	}
	return "PATCH"
}

func theAPI(c *Call) *cloud.Resource { return c.Cloud.Get(c.Account, typetoken.API, c.Str("apiId")) }

func (c *Call) overWebSocket() bool {
	api := theAPI(c)
	return api != nil && api.Str("protocolType") == websocket
}

func httpAPI() Kind {
	return Kind{
		// Names of APIs need not be unique.
		Token:  typetoken.API,
		ID:     func(*Call) string { return mark(10) },
		ARN:    func(_, id string) string { return apiARN(id, "") },
		Inputs: httpAPIInputs(),
		Plan: func(c *Call) error {
			f, ws := &failed{}, c.Str("protocolType") == websocket
			f.when(ws && c.Inputs["routeSelectionExpression"] == nil, "routeSelectionExpression is required for protocolType WEBSOCKET")
			for _, in := range []string{"corsConfiguration", "target", "routeKey", "credentialsArn", "body"} {
				f.when(ws && c.isGiven(in), "%s belongs to protocolType HTTP", in)
				f.when(in != "corsConfiguration" && c.isGiven(in), "%s makes parts of the API by itself, which the local cloud does not play: describe them as resources", in)
			}
			f.when(!ws && c.Str("routeSelectionExpression") != "" && c.Str("routeSelectionExpression") != "$request.method $request.path" && c.Str("routeSelectionExpression") != "${request.method} ${request.path}",
				"routeSelectionExpression of an HTTP API is always $request.method $request.path")
			return f.err()
		},
		Computed: []string{"apiEndpoint", "executionArn"},
		Outputs: func(c *Call) (map[string]any, error) {
			c.Name = c.Str("name")
			scheme := "https"
			if c.Str("protocolType") == websocket {
				scheme = "wss"
			}
			return map[string]any{
				"apiEndpoint":  fmt.Sprintf("%s://%s.execute-api.%s.amazonaws.com", scheme, c.ID, cloud.Region),
				"executionArn": cloud.ARN("execute-api", c.Account, c.ID),
			}, nil
		},
		Delete: func(c *Call) error {
			c.removeAll(func(r *cloud.Resource) bool { return r.Str("apiId") == c.ID }, typetoken.APIRoute, typetoken.APIIntegration, typetoken.APIStage)
			return nil
		},
		Actions: Actions{Create: []string{"apigateway:POST", "apigateway:GET"}, Read: []string{"apigateway:GET"}, Update: []string{"apigateway:PATCH", "apigateway:GET"}, Delete: []string{"apigateway:DELETE"}},
	}
}

func httpAPIInputs() map[string]Input {
	return map[string]Input{
		"name":                      named(awsname.API).required(),
		"protocolType":              text.required().enum("HTTP", websocket).replaces(),
		"description":               text.between(0, 1024),
		"apiKeySelectionExpression": text.enum("$context.authorizer.usageIdentifierKey", "$request.header.x-api-key").def("$request.header.x-api-key"),
		"routeSelectionExpression":  text.def("$request.method $request.path"),
		"disableExecuteApiEndpoint": flag.def(false),
		"ipAddressType":             text.enum("ipv4", "dualstack").computed(),
		"version":                   text.between(1, 64),
		"corsConfiguration": object(map[string]Input{
			"allowCredentials": flag,
			"allowHeaders":     list(text),
			"allowMethods":     list(text),
			"allowOrigins":     list(text),
			"exposeHeaders":    list(text),
			"maxAge":           number.between(-1, 86400),
		}),
		"credentialsArn": roleARN.replaces(),
		"routeKey":       text.replaces(),
		"target":         text.replaces(),
		"body":           text,
		"failOnWarnings": flag,
		"tags":           tags,
	}
}

var ofAPI = text.required().replaces().refers("id", typetoken.API)

func httpIntegration() Kind {
	call := apiCall("integrations")
	return Kind{
		Token:  typetoken.APIIntegration,
		ID:     func(*Call) string { return mark(7) },
		Inputs: httpIntegrationInputs(),
		Plan: func(c *Call) error {
			f, kind := &failed{}, c.Str("integrationType")
			f.when(kind != "MOCK" && c.Str("integrationSubtype") == "" && !c.isGiven("integrationUri"), "integrationUri is required for integrationType %s", kind)
			f.when((c.Str("connectionType") == "VPC_LINK") != c.isGiven("connectionId"), "connectionId belongs to connectionType VPC_LINK, and must be given with it")
			f.when(kind == "AWS_PROXY" && c.Str("integrationMethod") != "" && c.Str("integrationMethod") != "POST" && c.Str("integrationSubtype") == "", "integrationMethod is %s: functions are invoked with POST", c.Str("integrationMethod"))
			return f.err()
		},
		Computed: []string{"integrationResponseSelectionExpression"},
		Outputs: func(c *Call) (map[string]any, error) {
			f, kind := &failed{}, c.Str("integrationType")
			f.when(!c.overWebSocket() && !slices.Contains([]string{"AWS_PROXY", "HTTP_PROXY"}, kind), "BadRequestException: integrationType %s is not supported by HTTP APIs: expected AWS_PROXY or HTTP_PROXY", kind)
			if kind == "AWS_PROXY" && c.Str("integrationSubtype") == "" {
				f.when(invokedFunction(c, c.Str("integrationUri")) == nil, "BadRequestException: integrationUri is %q: expected the ARN or invoke ARN of a function that exists", c.Str("integrationUri"))
			}
			timeout := 30000.0
			if c.overWebSocket() {
				timeout = 29000
			}
			out := map[string]any{"integrationResponseSelectionExpression": ""}
			if c.Inputs["timeoutMilliseconds"] == nil {
				out["timeoutMilliseconds"] = timeout
			}
			f.errs = append(f.errs, call(c, actionVerb(c)))
			return out, f.err()
		},
		Delete: func(c *Call) error {
			if r := c.Cloud.First(c.Account, typetoken.APIRoute, func(r *cloud.Resource) bool {
				return r.Str("apiId") == c.Str("apiId") && r.Str("target") == "integrations/"+c.ID
			}); r != nil {
				return apierr.BadRequest("ConflictException", "Cannot delete Integration '%s'. Route '%s' is attached to it", c.ID, r.Str("routeKey"))
			}
			return call(c, "DELETE")
		},
	}
}

func httpIntegrationInputs() map[string]Input {
	return map[string]Input{
		"apiId":                       ofAPI,
		"integrationType":             text.required().enum("AWS", "AWS_PROXY", "HTTP", "HTTP_PROXY", "MOCK").replaces(),
		"integrationUri":              text.between(1, 16384),
		"integrationMethod":           text.enum("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT").computed(),
		"integrationSubtype":          text.between(1, 128).replaces(),
		"payloadFormatVersion":        text.enum("1.0", "2.0").def("1.0"),
		"connectionType":              text.enum("INTERNET", "VPC_LINK").def("INTERNET"),
		"connectionId":                text,
		"credentialsArn":              roleARN,
		"description":                 text.between(0, 1024),
		"contentHandlingStrategy":     text.enum("CONVERT_TO_BINARY", "CONVERT_TO_TEXT"),
		"passthroughBehavior":         text.enum("WHEN_NO_MATCH", "NEVER", "WHEN_NO_TEMPLATES").computed(),
		"requestParameters":           mapOf(text),
		"requestTemplates":            mapOf(text),
		"templateSelectionExpression": text,
		"timeoutMilliseconds":         number.between(50, 30000).computed(),
		"responseParameters":          list(object(map[string]Input{"statusCode": text.required(), "mappings": mapOf(text).required()})),
		"tlsConfig":                   object(map[string]Input{"serverNameToVerify": text}),
	}
}

// invokedFunction finds the function of an ARN or an invoke ARN.
func invokedFunction(c *Call, uri string) *cloud.Resource {
	return findReferred(c, Reference{Types: []string{typetoken.Function}, By: "arn", AnyAccount: true}, arns.Invoked(uri))
}

var routeKeyPattern = regexp.MustCompile(`^(?:\$default|(?:ANY|GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) /(?:[^\s{}/]+|\{[A-Za-z0-9._:-]+\+?\})?(?:/(?:[^\s{}/]+|\{[A-Za-z0-9._:-]+\+?\}))*/?)$`)

func httpRoute() Kind {
	call := apiCall("routes")
	return Kind{
		Token: typetoken.APIRoute,
		ID:    func(*Call) string { return mark(7) },
		Slot:  []string{"apiId", "routeKey"},
		Inputs: map[string]Input{
			"apiId":                            ofAPI,
			"routeKey":                         text.required().between(1, 512),
			"target":                           text.between(1, 128),
			"apiKeyRequired":                   flag.def(false),
			"authorizationType":                text.enum("NONE", "AWS_IAM", "CUSTOM", "JWT").def("NONE"),
			"authorizerId":                     text,
			"authorizationScopes":              list(text),
			"modelSelectionExpression":         text,
			"operationName":                    text.between(1, 64),
			"requestModels":                    mapOf(text),
			"routeResponseSelectionExpression": text,
			"requestParameters":                list(object(map[string]Input{"requestParameterKey": text.required(), "required": flag.required()})),
		},
		Plan: func(c *Call) error {
			f := &failed{}
			t := c.Str("authorizationType")
			f.when((t == "JWT" || t == "CUSTOM") != c.isGiven("authorizerId"), "authorizerId belongs to authorizationType JWT and CUSTOM, and must be given with them")
			f.when(c.Inputs["authorizationScopes"] != nil && t != "JWT", "authorizationScopes belongs to authorizationType JWT")
			f.when(c.Str("target") != "" && !strings.HasPrefix(c.Str("target"), "integrations/"), "target is %q: expected integrations/ and an integration's id", c.Str("target"))
			return f.err()
		},
		Outputs: func(c *Call) (map[string]any, error) {
			f := &failed{}
			if !c.overWebSocket() {
				f.when(!routeKeyPattern.MatchString(c.Str("routeKey")), "BadRequestException: routeKey is %q: expected $default or a method and a path, such as POST /webhook", c.Str("routeKey"))
				f.when(c.isSet("apiKeyRequired"), "BadRequestException: apiKeyRequired is not supported by HTTP APIs")
			}
			if id := strings.TrimPrefix(c.Str("target"), "integrations/"); id != "" {
				i := c.Cloud.Get(c.Account, typetoken.APIIntegration, id)
				f.when(i == nil || i.Str("apiId") != c.Str("apiId"), "NotFoundException: Unable to find Integration of API %s with id %s", c.Str("apiId"), id)
			}
			f.errs = append(f.errs, call(c, actionVerb(c)))
			return nil, f.err()
		},
		Delete: func(c *Call) error { return call(c, "DELETE") },
	}
}

func httpStage() Kind {
	call := apiCall("stages")
	route := map[string]Input{
		"dataTraceEnabled":       flag,
		"detailedMetricsEnabled": flag,
		"loggingLevel":           text.enum("ERROR", "INFO", "OFF"),
		"throttlingBurstLimit":   number,
		"throttlingRateLimit":    number,
	}
	one := map[string]Input{"routeKey": text.required()}
	for k, v := range route {
		one[k] = v
	}
	return Kind{
		Token: typetoken.APIStage,
		// The provider's id is the name alone, which other APIs may have too.
		ID: joinedID("/", "apiId", "name"),
		Inputs: map[string]Input{
			"apiId":                ofAPI,
			"name":                 named(awsname.APIStage).required().replaces(),
			"autoDeploy":           flag.def(false),
			"accessLogSettings":    object(map[string]Input{"destinationArn": text.required(), "format": text.required().between(1, 3072)}),
			"defaultRouteSettings": object(route),
			"routeSettings":        list(object(one)),
			"stageVariables":       mapOf(text.between(0, 2048)),
			"clientCertificateId":  text,
			"deploymentId":         text.computed(),
			"description":          text.between(0, 1024),
			"tags":                 tags,
		},
		Plan: func(c *Call) error {
			f := &failed{}
			f.when(c.isSet("autoDeploy") && c.isGiven("deploymentId"), "deploymentId can't be set with autoDeploy")
			format := c.Str("accessLogSettings.format")
			f.when(format != "" && !strings.Contains(format, "$context."), "accessLogSettings.format names no $context variable")
			f.when(strings.Contains(strings.TrimSuffix(format, "\n"), "\n"), "accessLogSettings.format must be a single line")
			return f.err()
		},
		Computed: []string{"arn", "executionArn", "invokeUrl"},
		Outputs: func(c *Call) (map[string]any, error) {
			c.Name = c.Str("name")
			id := c.Str("apiId")
			c.ARN = apiARN(id, "/stages/"+c.Name)
			url := theAPI(c).Str("apiEndpoint") + "/"
			if c.Name != "$default" {
				url += c.Name
			}
			return map[string]any{
				"arn": c.ARN, "invokeUrl": url, "executionArn": cloud.ARN("execute-api", c.Account, id+"/"+c.Name),
			}, errors.Join(stageSettings(c), call(c, actionVerb(c)))
		},
		Delete: func(c *Call) error { return c.authorizeAlso(c.ARN, nil, "apigateway:DELETE") },
	}
}

func stageSettings(c *Call) error {
	f, ws := &failed{}, c.overWebSocket()
	f.when(ws && c.Str("name") == "$default", "BadRequestException: a WebSocket API has no stage $default")
	if group := strings.TrimSuffix(c.Str("accessLogSettings.destinationArn"), ":*"); group != "" {
		known := findReferred(c, Reference{Types: []string{typetoken.LogGroup}, By: "arn"}, group) != nil
		f.when(!known && arns.Of(group).Service != "firehose", "BadRequestException: accessLogSettings.destinationArn is %q, but no log group with that ARN exists", group)
	}
	settings := objects(c.Inputs, "routeSettings")
	if d, ok := c.Inputs["defaultRouteSettings"].(map[string]any); ok {
		settings = append(settings, d)
	}
	for _, s := range settings {
		f.when(!ws && (s["dataTraceEnabled"] == true || str(s, "loggingLevel") != "" && str(s, "loggingLevel") != "OFF"), "BadRequestException: Execution logs are not supported on protocolType HTTP")
		if key := str(s, "routeKey"); key != "" {
			r := c.Cloud.First(c.Account, typetoken.APIRoute, func(r *cloud.Resource) bool { return r.Str("apiId") == c.Str("apiId") && r.Str("routeKey") == key })
			f.when(r == nil, "NotFoundException: Unable to find Route by key %s within the provided RouteSettings", key)
		}
	}
	return f.err()
}
