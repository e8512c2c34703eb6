import com.google.gson.JsonSyntaxException;
import com.pulumi.Context;
import com.pulumi.automation.AutomationException;
import com.pulumi.automation.LocalWorkspace;
import com.pulumi.automation.LocalWorkspaceOptions;
import com.pulumi.automation.OperationType;
import com.pulumi.automation.PreviewOptions;
import com.pulumi.automation.UpOptions;
import com.pulumi.automation.WorkspaceStack;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Runs programs through Pulumi's Automation API, which needs no language host:
 *
 * <pre>java -cp CLASSPATH Driver.java OPERATIONS PROJECT STACK PROGRAM...</pre>
 *
 * A program is a folder with the class generated_program.App in it. The programs, which are one stack
 * together, run in this process, in the working directory, which is that of the project. Operations are
 * separated by commas; each ends with a line that says how many resources had which change.
 */
class Driver {
    public static void main(String[] args) throws Exception {
        var programs = List.of(args).subList(3, args.length);
        var options = LocalWorkspaceOptions.builder().workDir(Path.of("").toAbsolutePath()).build();
        try (var stack = LocalWorkspace.createOrSelectStack(args[1], args[2], ctx -> run(programs, ctx), options)) {
            for (var operation : args[0].split(",")) {
                if (operation.equals("preview")) {
                    System.out.println(json(stack.preview(PreviewOptions.builder().onStandardOutput(System.err::println).build()).changeSummary()));
                } else {
                    System.out.println(json(up(stack)));
                }
            }
        }
        System.exit(0); // whatever threads there still are
    }

    private static Map<OperationType, Integer> up(WorkspaceStack stack) throws AutomationException {
        var changes = new HashMap<OperationType, Integer>();
        try {
            stack.up(UpOptions.builder().onStandardOutput(System.err::println).onEvent(event -> {
                if (event.summaryEvent() != null) {
                    changes.putAll(event.summaryEvent().resourceChanges());
                }
            }).build());
        } catch (AutomationException e) {
            // The update is done; then it reads the outputs, and knows no others than strings.
            if (!(e.getCause() instanceof JsonSyntaxException)) {
                throw e;
            }
        }
        return changes;
    }

    private static void run(List<String> programs, Context ctx) {
        for (var program : programs) {
            try {
                var classes = new URL[] {Path.of(program).toUri().toURL()};
                var app = new URLClassLoader(classes, Driver.class.getClassLoader()).loadClass("generated_program.App");
                app.getMethod("stack", Context.class).invoke(null, ctx);
            } catch (ReflectiveOperationException | java.io.IOException e) {
                throw new IllegalStateException(program, e);
            }
        }
    }

    private static String json(Map<OperationType, Integer> changes) {
        return changes.entrySet().stream()
            .map(change -> "\"" + change.getKey().toString().toLowerCase() + "\": " + change.getValue())
            .collect(Collectors.joining(", ", "{", "}"));
    }
}
