package provider

import (
	"archive/zip"
	"bytes"
	"cmp"
	"crypto/sha256"
	"debug/elf"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

// Quotas of Lambda; see "Lambda quotas".
const (
	lambdaMaxEnv      = 4096
	lambdaMaxUpload   = 50 << 20
	lambdaMaxUnpacked = 250 << 20
)

// lambdaRuntimes are those that functions can still be created with; see
// "Lambda runtimes".
var lambdaRuntimes = []string{
	"provided.al2023", "provided.al2", "nodejs24.x", "nodejs22.x", "nodejs20.x", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10",
	"java25", "java21", "java17", "java11", "java8.al2", "dotnet10", "dotnet8", "ruby3.4", "ruby3.3", "ruby3.2",
}

// lambdaReserved are set by Lambda. See "Defined runtime environment variables".
var lambdaReserved = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
	"AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID",
	"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

// lambdaKinds: constraints from the API model of Lambda (CreateFunction,
// AddPermission).
func lambdaKinds() []Kind { return []Kind{lambdaFunction(), lambdaPermission()} }

func lambdaFunction() Kind {
	return Kind{
		Token: typetoken.Function, Name: "name", ARN: arnOf("lambda", "function:"),
		Inputs:   lambdaInputs(),
		Plan:     planLambda,
		Computed: []string{"codeSha256", "invokeArn", "lastModified", "qualifiedArn", "qualifiedInvokeArn", "signingJobArn", "signingProfileVersionArn", "sourceCodeSize", "version"},
		Outputs:  lambdaOutputs,
		Delete: func(c *Call) error {
			c.removeAll(func(r *cloud.Resource) bool { return r.Str("function") == c.Name || r.Str("function") == c.ARN }, typetoken.Permission)
			return nil
		},
		Actions: Actions{
			Create: []string{"lambda:CreateFunction", "lambda:GetFunction", "lambda:ListVersionsByFunction", "lambda:GetFunctionCodeSigningConfig"},
			Read:   []string{"lambda:GetFunction", "lambda:ListVersionsByFunction", "lambda:GetFunctionCodeSigningConfig"},
			Update: []string{"lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration", "lambda:GetFunction"}, Delete: []string{"lambda:DeleteFunction"},
		},
	}
}

func lambdaInputs() map[string]Input {
	return map[string]Input{
		"name":             named(awsname.Function).replaces(),
		"description":      text.between(0, 256),
		"role":             roleARN.required(),
		"packageType":      text.enum("Zip", "Image").def("Zip").replaces(),
		"runtime":          text.enum(lambdaRuntimes...),
		"handler":          text.match(`[^\s]+`).between(1, 128),
		"architectures":    list(text.enum("x86_64", "arm64")).between(1, 1).computed(),
		"code":             blob,
		"s3Bucket":         text.refers("name", typetoken.Bucket),
		"s3Key":            text.between(1, 1024),
		"s3ObjectVersion":  text.between(1, 1024),
		"imageUri":         text,
		"imageConfig":      object(map[string]Input{"commands": list(text), "entryPoints": list(text), "workingDirectory": text.between(0, 1000)}),
		"sourceCodeHash":   text.computed(),
		"memorySize":       number.between(128, 10240).def(128.0),
		"timeout":          number.between(1, 900).def(3.0),
		"environment":      object(map[string]Input{"variables": mapOf(text)}),
		"kmsKeyArn":        keyARN,
		"ephemeralStorage": object(map[string]Input{"size": number.between(512, 10240)}).computed(),
		"loggingConfig": object(map[string]Input{
			"logFormat":           text.required().enum("JSON", "Text"),
			"logGroup":            text.between(1, 512).refers("name", typetoken.LogGroup),
			"applicationLogLevel": text.enum("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"),
			"systemLogLevel":      text.enum("DEBUG", "INFO", "WARN"),
		}).computed(),
		"deadLetterConfig":               object(map[string]Input{"targetArn": text.required().refers("arn", typetoken.Queue, typetoken.Topic)}),
		"tracingConfig":                  object(map[string]Input{"mode": text.required().enum("Active", "PassThrough")}).computed(),
		"layers":                         list(text.match(`arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+`)).between(0, 5),
		"publish":                        flag.def(false),
		"skipDestroy":                    flag.def(false),
		"reservedConcurrentExecutions":   number.between(-1, 1000).def(-1.0),
		"codeSigningConfigArn":           text.between(0, 200),
		"fileSystemConfig":               object(map[string]Input{"arn": text.required(), "localMountPath": text.required().match(`/mnt/[a-zA-Z0-9-_.]+`)}),
		"snapStart":                      object(map[string]Input{"applyOn": text.required().enum("PublishedVersions"), "optimizationStatus": text}),
		"vpcConfig":                      object(map[string]Input{"securityGroupIds": list(text).required().between(0, 5), "subnetIds": list(text).required().between(0, 16), "vpcId": text, "ipv6AllowedForDualStack": flag}),
		"replaceSecurityGroupsOnDestroy": flag,
		"replacementSecurityGroupIds":    list(text),
		"tags":                           tags,
	}
}

func planLambda(c *Call) error {
	f, image := &failed{}, c.Str("packageType") == "Image"
	f.atMostOne(c, "code", "s3Bucket", "imageUri")
	f.when(!c.isGiven("code") && !c.isGiven("s3Bucket") && !c.isGiven("imageUri"), "one of code, s3Bucket and imageUri is required")
	f.when(image != c.isGiven("imageUri"), "imageUri belongs to packageType Image, and must be given with it")
	f.when(c.isGiven("s3Bucket") != c.isGiven("s3Key"), "s3Bucket and s3Key belong together")
	for _, in := range []string{"runtime", "handler"} {
		f.when(!image && !c.isGiven(in), "%s is required for packageType Zip", in)
		f.when(image && c.isGiven(in), "%s does not go with packageType Image", in)
	}
	f.when(image && c.isGiven("layers"), "layers do not go with packageType Image")
	f.errs = append(f.errs, lambdaUnreserved(c))
	level := c.Str("loggingConfig.applicationLogLevel") + c.Str("loggingConfig.systemLogLevel")
	f.when(c.Str("loggingConfig.logFormat") == "Text" && level != "", "loggingConfig: log levels belong to logFormat JSON")
	planLambdaEnv(f, c)
	return f.err()
}

// lambdaUnreserved: of the 1,000 of an account, 100 must stay without a
// reservation, see https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
func lambdaUnreserved(c *Call) error {
	const account, least = 1000.0, 100.0
	own, _ := c.number("reservedConcurrentExecutions")
	left := account - max(own, 0)
	for _, other := range c.Cloud.Find(c.Account, typetoken.Function, func(r *cloud.Resource) bool { return r.Name != c.Str("name") }) {
		if n, ok := other.Value("reservedConcurrentExecutions").(float64); ok {
			left -= max(n, 0)
		}
	}
	if own > 0 && left < least {
		return apierr.BadRequest("InvalidParameterValueException", "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [%.0f]", least)
	}
	return nil
}

func planLambdaEnv(f *failed, c *Call) {
	variables, _ := cloud.Lookup(c.Inputs, "environment.variables").(map[string]any)
	name := text.match(`[a-zA-Z]([a-zA-Z0-9_])+`).Match
	for k := range variables {
		f.when(slices.Contains(lambdaReserved, k), "InvalidParameterValueException: environment.variables holds %s, which is reserved: Lambda sets it", k)
		f.when(!name.MatchString(k) && k != "_HANDLER" && k != "_X_AMZN_TRACE_ID", "environment.variables holds %q: expected a letter, then letters, digits and underscores", k)
	}
	if b, _ := json.Marshal(variables); len(b) > lambdaMaxEnv { // strings always marshal
		f.add("InvalidParameterValueException: environment.variables has %d bytes as JSON: at most %d are allowed", len(b), lambdaMaxEnv)
	}
}

func lambdaOutputs(c *Call) (map[string]any, error) {
	code, err := lambdaCode(c)
	if err != nil {
		return nil, err
	}
	f := &failed{}
	f.errs = append(f.errs, c.handOver(c.Str("role"), "lambda.amazonaws.com", c.ARN), lambdaDeadLetters(c),
		c.useKey("kmsKeyArn", c.Str("kmsKeyArn"), "lambda", "kms:Encrypt", "kms:Decrypt"), c.authorizeTags("lambda:TagResource", "lambda:UntagResource"))
	if f.err() != nil {
		return nil, f.err()
	}
	c.Cloud.SetBlob(c.ARN, code)
	sum := sha256.Sum256(code)
	hash := base64.StdEncoding.EncodeToString(sum[:])
	version := "$LATEST"
	if c.isSet("publish") {
		version = fmt.Sprint(c.Cloud.Serial())
	}
	out := map[string]any{
		"codeSha256": hash, "sourceCodeSize": float64(len(code)), "lastModified": timestamp(c), "version": version,
		"invokeArn":    arns.Invocation(cloud.Region, c.ARN),
		"qualifiedArn": c.ARN + ":" + version, "qualifiedInvokeArn": arns.Invocation(cloud.Region, c.ARN+":"+version),
		"signingJobArn": "", "signingProfileVersionArn": "",
	}
	for in, v := range map[string]any{
		"sourceCodeHash": hash, "architectures": []any{"x86_64"}, "ephemeralStorage": map[string]any{"size": 512.0},
		"tracingConfig": map[string]any{"mode": "PassThrough"}, "loggingConfig": map[string]any{"logFormat": "Text", "logGroup": "/aws/lambda/" + c.Name},
	} {
		if c.Inputs[in] == nil {
			out[in] = v
		}
	}
	return out, nil
}

// lambdaDeadLetters: CreateFunction fails where the role may not send to the
// dead-letter queue ("The provided execution role does not have permissions to
// call SendMessage on SQS").
func lambdaDeadLetters(c *Call) error {
	arn := c.Str("deadLetterConfig.targetArn")
	if arn == "" {
		return nil
	}
	action := "sqs:SendMessage"
	if arns.Of(arn).Service == "sns" {
		action = "sns:Publish"
	}
	if err := c.roleMay(c.Str("role"), action, arn); err != nil {
		return fmt.Errorf("InvalidParameterValueException: The provided execution role does not have permissions to call %s: %w", action, err)
	}
	return nil
}

// lambdaCode reads and checks the code. It is kept beside the resource table,
// by the function's ARN (cloud.Blob): no state should hold megabytes.
func lambdaCode(c *Call) ([]byte, error) {
	if c.Str("imageUri") != "" {
		return nil, lambdaImage(c)
	}
	var code []byte
	var err error
	if c.Str("s3Bucket") != "" {
		code, err = c.Cloud.Objects.Get(c.Str("s3Bucket"), c.Str("s3Key"))
	} else {
		code, err = load(c.Inputs["code"])
	}
	if err != nil {
		return nil, fmt.Errorf("code can't be read (the local cloud needs absolute paths): %w", err)
	}
	if len(code) > lambdaMaxUpload && c.Str("s3Bucket") == "" {
		return nil, apierr.BadRequest("RequestEntityTooLargeException", "code has %d bytes: at most %d can be uploaded", len(code), lambdaMaxUpload)
	}
	architecture := cmp.Or(c.Str("architectures.0"), "x86_64")
	if err := checkArchive(c.Str("runtime"), architecture, code); err != nil {
		return nil, fmt.Errorf("InvalidParameterValueException: %w", err)
	}
	return code, nil
}

func lambdaImage(c *Call) error {
	return imageExists(c, "imageUri", c.Str("imageUri"))
}

// checkArchive: the runtimes provided.* start the program bootstrap at the
// root of the archive. AWS notices what is wrong with it at the first
// invocation; here most is refused at once. Whether it is executable is asked
// where it is started.
func checkArchive(runtime, architecture string, code []byte) error {
	archive, err := zip.NewReader(bytes.NewReader(code), int64(len(code)))
	if err != nil {
		return fmt.Errorf("could not unzip uploaded file: %w", err)
	}
	size := uint64(0)
	var program *zip.File
	for _, f := range archive.File {
		size += f.UncompressedSize64
		if f.Name == "bootstrap" {
			program = f
		}
	}
	switch {
	case len(archive.File) == 0:
		return errors.New("uploaded file must be a non-empty zip")
	case size > lambdaMaxUnpacked:
		return fmt.Errorf("unzipped size must be smaller than %d bytes: it is %d", lambdaMaxUnpacked, size)
	case !strings.HasPrefix(runtime, "provided"):
		return nil
	case program == nil:
		return fmt.Errorf("the archive has no file bootstrap at its root, which the runtime %s starts", runtime)
	}
	return checkProgram(program, architecture)
}

func checkProgram(f *zip.File, architecture string) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	program, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if bytes.HasPrefix(program, []byte("#!")) {
		return nil
	}
	binary, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return fmt.Errorf("bootstrap is neither a Linux binary nor a script: %w", err)
	}
	machine := map[string]elf.Machine{"x86_64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[architecture]
	if binary.Machine != machine {
		return fmt.Errorf("bootstrap is built for %s, but the function's architecture is %s", binary.Machine, architecture)
	}
	return nil
}

func lambdaPermission() Kind {
	return Kind{
		Token: typetoken.Permission,
		// The provider's id is the statement's alone, which other functions may have too.
		ID: func(c *Call) string {
			return c.Str("function") + "/" + cmp.Or(c.Str("statementId"), "terraform-"+uuid(c))
		},
		Inputs: map[string]Input{
			"action":              text.match(`lambda:\*|lambda:[a-zA-Z]+|\*`).required().between(1, 0).replaces(),
			"function":            text.required().replaces().refers("name,arn", typetoken.Function),
			"principal":           text.match(`[^\s]+`).required().between(1, 0).replaces(),
			"statementId":         text.match(`[a-zA-Z0-9-_]+`).between(1, 100).replaces().computed(),
			"statementIdPrefix":   text.replaces(),
			"sourceArn":           text.match(`arn:aws:([a-zA-Z0-9\-])+:([a-z]{2}-[a-z]+-\d)?:(\d{12})?:(.*)`).replaces(),
			"sourceAccount":       named(awsname.Account).replaces(),
			"eventSourceToken":    text.match(`[a-zA-Z0-9._\-]+`).between(0, 256).replaces(),
			"qualifier":           text.match(`\$LATEST|[a-zA-Z0-9-_$]+`).between(1, 128).replaces(),
			"principalOrgId":      text.match(`o-[a-z0-9]{10,32}`).replaces(),
			"functionUrlAuthType": text.enum("NONE", "AWS_IAM").replaces(),
		},
		Plan: func(c *Call) error {
			f := &failed{}
			f.atMostOne(c, "statementId", "statementIdPrefix")
			f.when(c.isGiven("functionUrlAuthType") && c.Str("action") != "lambda:InvokeFunctionUrl", "functionUrlAuthType belongs to the action lambda:InvokeFunctionUrl")
			f.when(c.isGiven("eventSourceToken") && c.Str("principal") != "alexa-appkit.amazon.com", "eventSourceToken belongs to the principal alexa-appkit.amazon.com")
			return f.err()
		},
		Outputs: func(c *Call) (map[string]any, error) {
			function := findReferred(c, Reference{Types: []string{typetoken.Function}, By: "name,arn"}, c.Str("function"))
			if function == nil {
				return nil, apierr.BadRequest("ResourceNotFoundException", "Function not found: %s", c.Str("function"))
			}
			_, id, _ := strings.Cut(c.ID, "/")
			return map[string]any{"statementId": id}, c.authorizeAlso(function.ARN, nil, "lambda:AddPermission", "lambda:GetPolicy")
		},
		Delete: func(c *Call) error {
			if f := findReferred(c, Reference{Types: []string{typetoken.Function}, By: "name,arn"}, c.Str("function")); f != nil {
				return c.authorizeAlso(f.ARN, nil, "lambda:RemovePermission")
			}
			return nil
		},
	}
}
