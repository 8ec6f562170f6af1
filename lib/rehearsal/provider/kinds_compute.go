package provider

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"

	"delivery/lib/rehearsal/cloud"
)

// Type tokens of functions and APIs.
const (
	functionType    = "aws:lambda/function:Function"
	apiType         = "aws:apigatewayv2/api:Api"
	integrationType = "aws:apigatewayv2/integration:Integration"
	routeType       = "aws:apigatewayv2/route:Route"
	stageType       = "aws:apigatewayv2/stage:Stage"
)

// Lambda: see CreateFunction and AddPermission in the Lambda API.
func basicLambda() []Kind {
	return []Kind{{
		Token: functionType, Name: "name", ARN: arnOf("lambda", "function:"),
		Inputs: map[string]Input{
			"name": text.match(`[a-zA-Z0-9-_]{1,64}`).replaces(), "description": text.between(0, 256), "role": roleARN.required(),
			"runtime": text.enum("provided.al2023", "provided.al2", "nodejs22.x", "python3.13"), "handler": text.match(`[^\s]{1,128}`),
			"architectures": list(text.enum("arm64", "x86_64")).between(1, 1).computed(), "code": blob, "packageType": text.enum("Zip", "Image").def("Zip").replaces(),
			"memorySize": number.between(128, 10240).def(128.0), "timeout": number.between(1, 900).def(3.0), "kmsKeyArn": keyARN,
			"environment":      object(map[string]Input{"variables": mapOf(text)}),
			"loggingConfig":    object(map[string]Input{"logFormat": text.required().enum("JSON", "Text"), "logGroup": text.refers("name", logGroupType), "applicationLogLevel": text, "systemLogLevel": text}),
			"deadLetterConfig": object(map[string]Input{"targetArn": text.required().refers("arn", queueType, topicType)}),
			"publish":          flag.def(false), "skipDestroy": flag.def(false), "reservedConcurrentExecutions": number.between(-1, 1000).def(-1.0),
			"sourceCodeHash": text.computed(), "tracingConfig": object(map[string]Input{"mode": text.enum("Active", "PassThrough")}), "tags": tags,
		},
		Plan:     planFunction,
		Computed: []string{"invokeArn", "qualifiedArn", "version", "lastModified"},
		Outputs:  functionOutputs,
		Delete: func(c *Call) error {
			for _, p := range c.Cloud.Find(c.Account, cloud.PermissionType, func(r *cloud.Resource) bool { return r.Str("function") == c.Name }) {
				c.Cloud.Remove(p.Account, p.Type, p.ID)
			}
			c.Cloud.SetBlob(c.ARN, nil)
			return nil
		},
		Actions: Actions{Create: []string{"lambda:CreateFunction"}, Read: []string{"lambda:GetFunction"}, Update: []string{"lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"}, Delete: []string{"lambda:DeleteFunction"}},
	}, {
		Token: cloud.PermissionType,
		ID:    joined("", "statementId"),
		Slot:  []string{"function", "statementId"},
		Inputs: map[string]Input{
			"statementId": text.required().match(`[a-zA-Z0-9-_]{1,100}`).replaces(), "action": text.required().match(`lambda:[a-zA-Z]+`).replaces(),
			"function": text.required().replaces().refers("name,arn", functionType), "principal": text.required().match(`[^\s]+`).replaces(),
			"sourceArn": text.match(`arn:aws:.+`).replaces(), "sourceAccount": text.match(`[0-9]{12}`).replaces(), "qualifier": text.replaces(), "eventSourceToken": text.replaces(), "principalOrgId": text.replaces(), "functionUrlAuthType": text.replaces(),
		},
		Actions: Actions{Create: []string{"lambda:AddPermission"}, Read: []string{"lambda:GetPolicy"}, Delete: []string{"lambda:RemovePermission"}},
	}}
}

// reserved are environment variables that Lambda sets itself. See "Defined
// runtime environment variables".
var reserved = []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "_HANDLER"}

func planFunction(c *Call) error {
	if c.Inputs["code"] == nil && !c.Unknown["code"] {
		return fmt.Errorf("code is not set: expected an archive with the program bootstrap")
	}
	if c.Str("packageType") != "Image" && (c.Str("handler") == "" || c.Str("runtime") == "") {
		return fmt.Errorf("runtime and handler are required for a function that is no image")
	}
	variables, _ := cloud.Lookup(c.Inputs, "environment.variables").(map[string]any)
	size := 0
	for k, v := range variables {
		for _, r := range reserved {
			if k == r {
				return fmt.Errorf("environment.variables.%s is reserved by Lambda", k)
			}
		}
		size += len(k) + len(fmt.Sprint(v))
	}
	if size > 4096 {
		return fmt.Errorf("environment.variables has %d bytes: at most 4096 are allowed", size)
	}
	return nil
}

func functionOutputs(c *Call) (map[string]any, error) {
	code, err := load(c.Inputs["code"])
	if err != nil {
		return nil, fmt.Errorf("code: %w", err)
	}
	if err := checkCode(c.Str("runtime"), code); err != nil {
		return nil, err
	}
	c.Cloud.SetBlob(c.ARN, code)
	return map[string]any{
		"invokeArn":    fmt.Sprintf("arn:aws:apigateway:%s:lambda:path/2015-03-31/functions/%s/invocations", cloud.Region, c.ARN),
		"qualifiedArn": c.ARN + ":$LATEST", "version": "$LATEST", "lastModified": "2026-01-01T00:00:00.000+0000", "architectures": architectures(c),
	}, nil
}

func architectures(c *Call) any {
	if a := c.Inputs["architectures"]; a != nil {
		return a
	}
	return []any{"x86_64"}
}

// checkCode: an OS-only runtime starts the executable bootstrap.
func checkCode(runtime string, code []byte) error {
	archive, err := zip.NewReader(bytes.NewReader(code), int64(len(code)))
	if err != nil {
		return fmt.Errorf("InvalidParameterValueException: code is no zip archive: %w", err)
	}
	if !strings.HasPrefix(runtime, "provided.") {
		return nil
	}
	for _, f := range archive.File {
		if f.Name == "bootstrap" {
			return nil
		}
	}
	return fmt.Errorf("InvalidParameterValueException: code holds no file named bootstrap, which %s starts", runtime)
}

// HTTP APIs: see CreateApi, CreateIntegration, CreateRoute and CreateStage in
// the API Gateway V2 API.
func basicAPI() []Kind {
	api := text.required().replaces().refers("id", apiType)
	apiARN := func(_, id string) string {
		return fmt.Sprintf("arn:aws:apigateway:%s::/apis/%s", cloud.Region, id)
	}
	post, get, patch, del := "apigateway:POST", "apigateway:GET", "apigateway:PATCH", "apigateway:DELETE"
	actions := Actions{Create: []string{post}, Read: []string{get}, Update: []string{patch}, Delete: []string{del}}
	return []Kind{{
		Token: apiType, Name: "name", ID: numbered("api%07d"),
		ARN: nil,
		Inputs: map[string]Input{
			"name": text.between(1, 128), "description": text.between(0, 1024), "protocolType": text.required().enum("HTTP", "WEBSOCKET").replaces(),
			"disableExecuteApiEndpoint": flag.def(false), "corsConfiguration": blob, "routeSelectionExpression": text.def("$request.method $request.path"),
			"version": text, "ipAddressType": text.enum("ipv4", "dualstack").computed(), "tags": tags,
		},
		Computed: []string{"apiEndpoint", "executionArn", "arn"},
		Outputs: func(c *Call) (map[string]any, error) {
			return map[string]any{
				"apiEndpoint":  fmt.Sprintf("https://%s.execute-api.%s.amazonaws.com", c.ID, cloud.Region),
				"executionArn": fmt.Sprintf("arn:aws:execute-api:%s:%s:%s", cloud.Region, c.Account, c.ID),
				"arn":          apiARN("", c.ID),
			}, nil
		},
		Delete: func(c *Call) error {
			for _, t := range []string{integrationType, routeType, stageType} {
				for _, p := range c.Cloud.Find(c.Account, t, func(r *cloud.Resource) bool { return r.Str("apiId") == c.ID }) {
					c.Cloud.Remove(p.Account, p.Type, p.ID)
				}
			}
			return nil
		},
		Actions: actions,
	}, {
		Token: integrationType, ID: numbered("int%06d"),
		Inputs: map[string]Input{
			"apiId": api, "integrationType": text.required().enum("AWS_PROXY", "HTTP_PROXY", "AWS", "HTTP", "MOCK").replaces(), "integrationUri": text.required(),
			"integrationMethod": text.enum("POST", "GET", "ANY", "PUT", "DELETE", "PATCH"), "payloadFormatVersion": text.enum("1.0", "2.0").def("1.0"),
			"timeoutMilliseconds": number.between(50, 30000).computed(), "connectionType": text.enum("INTERNET", "VPC_LINK").def("INTERNET"), "description": text, "passthroughBehavior": text.computed(),
		},
		Plan: func(c *Call) error {
			if c.Str("integrationType") == "AWS_PROXY" && !c.Unknown["integrationUri"] && !strings.Contains(c.Str("integrationUri"), ":function:") {
				return fmt.Errorf("integrationUri is %q: expected the invoke ARN of a function", c.Str("integrationUri"))
			}
			return nil
		},
		Actions: actions,
	}, {
		Token: routeType, ID: numbered("rt%06d"), Slot: []string{"apiId", "routeKey"},
		Inputs: map[string]Input{
			"apiId": api, "routeKey": text.required().match(`\$default|(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|ANY) /[^\s]*`), "target": text.match(`integrations/.+`),
			"authorizationType": text.enum("NONE", "AWS_IAM", "JWT", "CUSTOM").def("NONE"), "apiKeyRequired": flag.def(false), "operationName": text,
		},
		Outputs: func(c *Call) (map[string]any, error) {
			id := strings.TrimPrefix(c.Str("target"), "integrations/")
			if c.Cloud.Get(c.Account, integrationType, id) == nil {
				return nil, fmt.Errorf("BadRequestException: Invalid Integration target: integration %q does not exist", id)
			}
			return nil, nil
		},
		Actions: actions,
	}, {
		Token: stageType, ID: joined("", "name"), Slot: []string{"apiId", "name"},
		Inputs: map[string]Input{
			"apiId": api, "name": text.required().match(`\$default|[A-Za-z0-9_-]{1,128}`).replaces(), "autoDeploy": flag.def(false), "description": text.between(0, 1024),
			"accessLogSettings":    object(map[string]Input{"destinationArn": text.required().refers("arn", logGroupType), "format": text.required().between(1, 3072)}),
			"defaultRouteSettings": object(map[string]Input{"throttlingRateLimit": number, "throttlingBurstLimit": number, "detailedMetricsEnabled": flag, "dataTraceEnabled": flag, "loggingLevel": text}),
			"stageVariables":       mapOf(text), "deploymentId": text.computed(), "tags": tags,
		},
		Computed: []string{"invokeUrl", "executionArn", "arn"},
		Outputs: func(c *Call) (map[string]any, error) {
			url := fmt.Sprintf("https://%s.execute-api.%s.amazonaws.com/", c.Str("apiId"), cloud.Region)
			if c.Str("name") != "$default" {
				url += c.Str("name")
			}
			return map[string]any{"invokeUrl": url, "executionArn": fmt.Sprintf("arn:aws:execute-api:%s:%s:%s/%s", cloud.Region, c.Account, c.Str("apiId"), c.Str("name")),
				"arn": apiARN("", c.Str("apiId")) + "/stages/" + c.Str("name")}, nil
		},
		Actions: actions,
	}}
}
