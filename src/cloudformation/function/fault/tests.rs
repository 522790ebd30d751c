use super::{FaultKind, in_line};

/// Lines of real logs, with the kind and the detail of the failure.
const LINES: &[(&str, FaultKind, &str)] = &[
    // Python
    (
        "[ERROR] Runtime.ImportModuleError: Unable to import module 'app': No module named 'requests'\n\
         Traceback (most recent call last):",
        FaultKind::Import,
        "Unable to import module 'app': No module named 'requests'",
    ),
    (
        "[ERROR] Runtime.UserCodeSyntaxError: Syntax error in module 'app': invalid syntax (app.py, line 3)\n\
         Traceback (most recent call last):\n\u{a0}\u{a0}File \"/var/task/app.py\" Line 3",
        FaultKind::Syntax,
        "Syntax error in module 'app': invalid syntax (app.py, line 3)",
    ),
    (
        "[ERROR] Runtime.HandlerNotFound: Handler 'handle' missing on module 'app'\n\
         Traceback (most recent call last):",
        FaultKind::Handler,
        "Handler 'handle' missing on module 'app'",
    ),
    (
        "[ERROR] Runtime.MalformedHandlerName: Bad handler 'app': not enough values to unpack (expected 2, got 1)",
        FaultKind::Handler,
        "Bad handler 'app': not enough values to unpack (expected 2, got 1)",
    ),
    (
        "[ERROR] KeyError: 'TABLE_NAME'\nTraceback (most recent call last):\n  File \
         \"/var/lang/lib/python3.13/importlib/__init__.py\", line 88, in import_module",
        FaultKind::Loading,
        "KeyError: 'TABLE_NAME'",
    ),
    (
        "{\"timestamp\": \"2026-01-02T03:04:05Z\", \"log_level\": \"ERROR\", \"errorMessage\": \"Unable to import \
         module 'app': No module named 'x'\", \"errorType\": \"Runtime.ImportModuleError\", \"requestId\": \"\", \
         \"stackTrace\": []}",
        FaultKind::Import,
        "Unable to import module 'app': No module named 'x'",
    ),
    (
        "Syntax error in module 'lambda_function': invalid syntax (lambda_function.py, line 20)",
        FaultKind::Syntax,
        "Syntax error in module 'lambda_function': invalid syntax (lambda_function.py, line 20)",
    ),
    (
        "module initialization error: name 'db_user' is not defined",
        FaultKind::Loading,
        "module initialization error: name 'db_user' is not defined",
    ),
    // Node.js
    (
        "2026-01-02T03:04:05.006Z\tundefined\tERROR\tUncaught Exception \t{\"errorType\":\"Runtime.ImportModuleError\",\
         \"errorMessage\":\"Error: Cannot find module 'lodash'\\nRequire stack:\\n- /var/task/index.js\",\"stack\":[]}",
        FaultKind::Import,
        "Error: Cannot find module 'lodash' Require stack: - /var/task/index.js",
    ),
    (
        "2026-01-02T03:04:05.006Z\tundefined\tERROR\tUncaught Exception \t{\"errorType\":\"Runtime.UserCodeSyntaxError\",\
         \"errorMessage\":\"SyntaxError: Unexpected token '}'\",\"stack\":[]}",
        FaultKind::Syntax,
        "SyntaxError: Unexpected token '}'",
    ),
    (
        "2026-01-02T03:04:05.006Z\tundefined\tERROR\tUncaught Exception \t{\"errorType\":\"Runtime.HandlerNotFound\",\
         \"errorMessage\":\"index.handler is undefined or not exported\",\"stack\":[]}",
        FaultKind::Handler,
        "index.handler is undefined or not exported",
    ),
    (
        "2026-01-02T03:04:05.006Z\tundefined\tERROR\tUncaught Exception \t{\"errorType\":\"ReferenceError\",\
         \"errorMessage\":\"tabel is not defined\",\"stack\":[]}",
        FaultKind::Loading,
        "ReferenceError: tabel is not defined",
    ),
    (
        "{\"timestamp\":\"2026-01-02T03:04:05.006Z\",\"level\":\"ERROR\",\"message\":{\"errorType\":\
         \"Runtime.ImportModuleError\",\"errorMessage\":\"Error: Cannot find module 'x'\",\"stackTrace\":[]}}",
        FaultKind::Import,
        "Error: Cannot find module 'x'",
    ),
    // Ruby
    (
        "Init error when loading handler lambda.handler",
        FaultKind::Loading,
        "Init error when loading handler lambda.handler",
    ),
    (
        "{\n\"errorMessage\": \"cannot load such file -- rack\",\n\"errorType\": \"Init<LoadError>\",\n\"stackTrace\": []\n}",
        FaultKind::Import,
        "cannot load such file -- rack",
    ),
    // Java
    (
        "Class not found: native.handler: java.lang.ClassNotFoundException\n\
         java.lang.ClassNotFoundException: native.handler. Current classpath: file:/var/task/",
        FaultKind::Handler,
        "Class not found: native.handler: java.lang.ClassNotFoundException",
    ),
    (
        "No public method named handleRequest with appropriate method signature found on class demo.Handler",
        FaultKind::Handler,
        "No public method named handleRequest with appropriate method signature found on class demo.Handler",
    ),
    (
        "Class com.example.Proxy has no public zero-argument constructor: java.lang.Exception",
        FaultKind::Handler,
        "Class com.example.Proxy has no public zero-argument constructor: java.lang.Exception",
    ),
    (
        "Error loading class com.example.Wrapper: java.lang.ExceptionInInitializerError",
        FaultKind::Loading,
        "Error loading class com.example.Wrapper: java.lang.ExceptionInInitializerError",
    ),
    // .NET
    (
        "Amazon.Lambda.RuntimeSupport.ExceptionHandling.LambdaValidationException: Could not find the specified handler \
         assembly with the file name 'Demo, Culture=neutral'. The assembly should be located in the root.",
        FaultKind::Handler,
        "Amazon.Lambda.RuntimeSupport.ExceptionHandling.LambdaValidationException: Could not find the specified handler \
         assembly with the file name 'Demo, Culture=neutral'. The assembly should be located in the root.",
    ),
    (
        "Unable to load type 'Demo.Function' from assembly 'Demo'.: LambdaException",
        FaultKind::Handler,
        "Unable to load type 'Demo.Function' from assembly 'Demo'.: LambdaException",
    ),
    // Go, Rust and other programs
    (
        "RequestId: 1-2 Error: fork/exec /var/task/bootstrap: permission denied\nRuntime.InvalidEntrypoint",
        FaultKind::Program,
        "fork/exec /var/task/bootstrap: permission denied",
    ),
    (
        "RequestId: 1-2 Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]",
        FaultKind::Program,
        "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]",
    ),
    (
        "RequestId: 1-2 Error: Runtime exited with error: signal: killed\nRuntime.ExitError",
        FaultKind::Memory,
        "Runtime exited with error: signal: killed",
    ),
    (
        "RequestId: 1-2 Error: Runtime exited with error: exit status 1\nRuntime.ExitError",
        FaultKind::Exit,
        "Runtime exited with error: exit status 1",
    ),
    // Lambda itself
    (
        "INIT_REPORT Init Duration: 0.44 ms\tPhase: init\tStatus: error\tError Type: Runtime.InvalidEntrypoint",
        FaultKind::Program,
        "",
    ),
    (
        "INIT_REPORT Init Duration: 0.44 ms Phase: invoke Status: error Error Type: Runtime.Unknown",
        FaultKind::Loading,
        "",
    ),
    (
        "INIT_REPORT Init Duration: 10008.11 ms\tPhase: init\tStatus: timeout",
        FaultKind::SlowStart,
        "",
    ),
    (
        "INIT_REPORT Init Duration: 3008.11 ms\tPhase: invoke\tStatus: timeout",
        FaultKind::Timeout,
        "",
    ),
    (
        "{\"time\":\"2026-01-02T03:04:05.006Z\",\"type\":\"platform.initReport\",\"record\":{\"initializationType\":\
         \"on-demand\",\"phase\":\"init\",\"status\":\"error\",\"errorType\":\"Extension.Crash\",\"metrics\":{}}}",
        FaultKind::Extension,
        "",
    ),
    (
        "2026-01-02T03:04:05.006Z 1-2 Task timed out after 3.00 seconds",
        FaultKind::Timeout,
        "Task timed out after 3.00 seconds",
    ),
    // A denied call
    (
        "[ERROR] ClientError: An error occurred (AccessDeniedException) when calling the PutItem operation: User: \
         arn:aws:sts::1:assumed-role/r/f is not authorized to perform: dynamodb:PutItem on resource: \
         arn:aws:dynamodb:eu-west-1:1:table/t because no identity-based policy allows the dynamodb:PutItem action",
        FaultKind::Denied,
        "dynamodb:PutItem on arn:aws:dynamodb:eu-west-1:1:table/t",
    ),
    (
        "{\"level\": \"error\", \"error\": \"ClientError('An error occurred (AccessDenied) when calling the GetObject \
         operation: Access Denied')\"}",
        FaultKind::Denied,
        "GetObject",
    ),
    (
        "AccessDeniedException: User: x is not authorized to perform: ssm:GetParameter",
        FaultKind::Denied,
        "ssm:GetParameter",
    ),
];

#[test]
fn real_lines_show_their_failure() {
    for (line, kind, detail) in LINES {
        let found = in_line(line);
        let found = found
            .as_ref()
            .map(|fault| (fault.kind, fault.detail.as_str()));
        assert_eq!(found, Some((*kind, *detail)), "{line}");
    }
}

#[test]
fn other_lines_show_no_failure() {
    for line in [
        "",
        "START RequestId: 1 Version: $LATEST",
        "REPORT RequestId: 1\tDuration: 3 ms",
        "INIT_REPORT Init Duration: 99 ms\tPhase: init\tStatus: success",
        "INIT_REPORT",
        "[ERROR]\t2026-01-02T03:04:05Z\t1\tcannot read the tags",
        "[ERROR] KeyError: 'x'\nTraceback (most recent call last):\n  File \"/var/task/app.py\", line 1, in handler",
        "2026-01-02T03:04:05Z\t1-2\tERROR\tInvoke Error \t{\"errorType\":\"Error\",\"errorMessage\":\"no\"}",
        "the caller is not authorized to perform this",
        "{\"errorType\": 1, \"errorMessage\": {}}",
        "{\"errorType\":",
        "\"errorType\"",
        "[ERROR] ",
        "RequestId: ",
        "stored 1 file",
        "Class sizes are fine",
    ] {
        assert_eq!(in_line(line), None, "{line}");
    }
}

#[test]
fn a_failure_is_a_sentence_with_a_remedy() {
    let (line, ..) = LINES[0];
    let fault = in_line(line);
    let found = fault.map(|fault| {
        (
            fault.sentence("Handler"),
            fault.remedy(),
            fault.prevents_start(),
        )
    });
    let sentence = "the function `Handler` does not start: an import fails: Unable to import module 'app': No \
                    module named 'requests'";
    assert!(
        matches!(&found, Some((text, Some(_), true)) if text == sentence),
        "{found:?}"
    );
}
