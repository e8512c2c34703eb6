import java.nio.file.Path;
import java.util.List;
import javax.tools.ToolProvider;

/**
 * Compiles programs that are all of the same class, each by itself:
 *
 * <pre>java Compile.java CLASSPATH PROGRAM...</pre>
 *
 * A program is a folder with App.java, and its classes go there. What the compiler finds wrong is
 * printed, and the exit code is 1 if any program does not compile.
 */
class Compile {
    public static void main(String[] args) throws Exception {
        var compiler = ToolProvider.getSystemJavaCompiler();
        var ok = true;
        try (var manager = compiler.getStandardFileManager(null, null, null)) {
            for (var program : List.of(args).subList(1, args.length)) {
                var source = manager.getJavaFileObjects(Path.of(program, "App.java"));
                var options = List.of("--release", "11", "-proc:none", "-cp", args[0], "-d", program);
                ok &= compiler.getTask(null, manager, null, options, null, source).call();
            }
        }
        System.exit(ok ? 0 : 1);
    }
}
