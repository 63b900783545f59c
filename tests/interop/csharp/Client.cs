// A .NET client on mono: reads the WSDL and builds its proxy class as wsdl.exe does (ServiceDescriptionImporter, then the C#
// compiler), and calls through System.Web.Services: `Client.exe WSDL_URL STEPS [soap12] [utf16]`; prints one JSON line per step.

using System;
using System.CodeDom;
using System.CodeDom.Compiler;
using System.Collections;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Web.Services.Description;
using System.Web.Services.Protocols;
using System.Xml;

static class Client
{
    const string Text = "Grüße aus Ελλάδα: 1 < 2 & \"3\" ☃";

    // Mono's own shutdown sometimes aborts while its I/O threads end, after all is said; libc's exit leaves them where they are.
    [DllImport("libc", EntryPoint = "_exit")]
    static extern void Leave(int code);

    static void Main(string[] args)
    {
        var code = Answer(args);
        Console.Out.Flush();
        Leave(code);
    }

    static int Answer(string[] args)
    {
        Console.OutputEncoding = new UTF8Encoding(false);
        try
        {
            var protocol = args.Contains("soap12") ? "Soap12" : "Soap";
            var proxy = Proxy(args[0], protocol);
            if (args.Contains("utf16")) proxy.RequestEncoding = Encoding.Unicode;
            proxy.EnableDecompression = true;
            proxy.Timeout = 60000;
            foreach (var step in args[1].Split(',')) Run(proxy, step);
            return 0;
        }
        catch (Exception error)
        {
            Say("wsdl", "error", Fields("class", error.GetType().FullName, "text", error.ToString()), null);
            return 1;
        }
    }

    static SoapHttpClientProtocol Proxy(string url, string protocol)
    {
        ServiceDescription description;
        using (var response = WebRequest.Create(url).GetResponse())
        using (var reader = XmlReader.Create(response.GetResponseStream()))
            description = ServiceDescription.Read(reader);
        var importer = new ServiceDescriptionImporter { ProtocolName = protocol, Style = ServiceDescriptionImportStyle.Client };
        importer.AddServiceDescription(description, null, null);
        var space = new CodeNamespace();
        var unit = new CodeCompileUnit();
        unit.Namespaces.Add(space);
        importer.Import(space, unit);
        string[] references = { "System.dll", "System.Xml.dll", "System.Web.Services.dll" };
        var compiled = CodeDomProvider.CreateProvider("CSharp").CompileAssemblyFromDom(
            new CompilerParameters(references) { GenerateInMemory = true }, unit);
        if (compiled.Errors.HasErrors)
            throw new Exception("the generated proxy does not compile: " + compiled.Errors[0]);
        var type = compiled.CompiledAssembly.GetTypes().First(t => typeof(SoapHttpClientProtocol).IsAssignableFrom(t));
        return (SoapHttpClientProtocol)Activator.CreateInstance(type);
    }

    static object Call(object proxy, string step)
    {
        switch (step)
        {
            case "echo": return Invoke(proxy, "Echo", Text);
            case "add": return Invoke(proxy, "Add", 19, 23);
            case "seats": return Invoke(proxy, "Seats", "A", 4);
            case "seat": return Invoke(proxy, "Seat", "A", 4);
            case "price": return Invoke(proxy, "Price", new DateTime(2026, 12, 24, 20, 0, 0), 0.5);
            case "refuse": return Invoke(proxy, "Refuse", "not today");
            case "big": return Digest((string[])Invoke(proxy, "Report", 10000, 1024));
            default: throw new ArgumentException("unknown step " + step);
        }
    }

    // A part named `parameters` gives a method with plain arguments; any other name gives one object in and one out, as wsdl.exe
    // does. Optional value types get a `...Specified` companion: an argument, an out parameter or a field.
    static object Invoke(object proxy, string operation, params object[] given)
    {
        var method = proxy.GetType().GetMethod(operation);
        var parameters = method.GetParameters();
        var next = 0;
        if (parameters.Length == 1 && parameters[0].ParameterType.Name == operation)
        {
            var request = Activator.CreateInstance(parameters[0].ParameterType);
            foreach (var field in Members(request))
                Set(field, request, field.Name.EndsWith("Specified") ? true : given[next++]);
            var reply = method.Invoke(proxy, new[] { request });
            return Get(Members(reply).First(m => m.Name == operation + "Result"), reply);
        }
        var arguments = new object[parameters.Length];
        for (var i = 0; i < parameters.Length; i++)
            if (!parameters[i].IsOut) arguments[i] = parameters[i].Name.EndsWith("Specified") ? true : given[next++];
        var value = method.Invoke(proxy, arguments);
        var result = parameters.FirstOrDefault(p => p.IsOut && p.Name == operation + "Result");
        return result == null ? value : arguments[result.Position];
    }

    static MemberInfo[] Members(object of)
    {
        const BindingFlags open = BindingFlags.Public | BindingFlags.Instance;
        return of.GetType().GetFields(open).Cast<MemberInfo>().Concat(of.GetType().GetProperties(open))
            .OrderBy(m => m.MetadataToken).ToArray();
    }

    static object Get(MemberInfo member, object of)
    {
        var field = member as FieldInfo;
        return field != null ? field.GetValue(of) : ((PropertyInfo)member).GetValue(of, null);
    }

    static void Set(MemberInfo member, object of, object value)
    {
        var field = member as FieldInfo;
        if (field != null) field.SetValue(of, value);
        else ((PropertyInfo)member).SetValue(of, value, null);
    }

    static void Run(SoapHttpClientProtocol proxy, string step)
    {
        if (step == "wait")
        {
            Say("wait", null, null, null);
            Console.ReadLine();
            return;
        }
        var watch = Stopwatch.StartNew();
        string kind;
        object outcome;
        try
        {
            outcome = Call(proxy, step);
            kind = "value";
        }
        catch (TargetInvocationException wrapped)
        {
            var error = wrapped.InnerException;
            var soap = error as SoapException;
            kind = soap == null ? "error" : "fault";
            outcome = soap == null
                ? Fields("class", error.GetType().FullName, "text", error.Message)
                : Fields("class", soap.GetType().FullName, "code", soap.Code.ToString(), "text", soap.Message,
                         "subcode", soap.SubCode == null || soap.SubCode.Code == null ? null : soap.SubCode.Code.ToString(),
                         "detail", soap.Detail == null ? null : soap.Detail.OuterXml);
        }
        Say(step, kind, outcome, watch.Elapsed.TotalMilliseconds);
    }

    static IDictionary Digest(string[] lines)
    {
        var whole = Encoding.UTF8.GetBytes(string.Concat(lines));
        var hash = string.Concat(SHA256.Create().ComputeHash(whole).Select(b => b.ToString("x2")));
        var digest = new Hashtable();
        digest["rows"] = lines.Length;
        digest["chars"] = whole.Length;
        digest["sha256"] = hash;
        return digest;
    }

    static SortedList Fields(params string[] pairs)
    {
        var fields = new SortedList();
        for (var i = 0; i < pairs.Length; i += 2) fields[pairs[i]] = pairs[i + 1];
        return fields;
    }

    static void Say(string step, string kind, object outcome, double? tookMs)
    {
        var line = new StringBuilder("{\"step\":").Append(Json(step));
        if (kind != null) line.Append(",").Append(Json(kind)).Append(":").Append(Json(outcome));
        if (tookMs != null) line.Append(",\"ms\":").Append(Json(tookMs.Value));
        Console.WriteLine(line.Append("}"));
        Console.Out.Flush();
    }

    static string Json(object value)
    {
        if (value == null) return "null";
        if (value is string) return Quoted((string)value);
        if (value is bool) return (bool)value ? "true" : "false";
        if (value is DateTime) return Quoted(((DateTime)value).ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture));
        if (value is double) return ((double)value).ToString("R", CultureInfo.InvariantCulture);
        if (value is IDictionary)
            return "{" + string.Join(",", ((IDictionary)value).Keys.Cast<string>().Select(k => Quoted(k) + ":" + Json(((IDictionary)value)[k]))) + "}";
        if (value is IEnumerable) return "[" + string.Join(",", ((IEnumerable)value).Cast<object>().Select(Json)) + "]";
        if (value.GetType().IsPrimitive) return Convert.ToString(value, CultureInfo.InvariantCulture);
        var members = Members(value).Where(m => !m.Name.EndsWith("Specified"));
        return "{" + string.Join(",", members.Select(m => Quoted(m.Name) + ":" + Json(Get(m, value)))) + "}";
    }

    static string Quoted(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
        {
            if (c == '"' || c == '\\') quoted.Append('\\').Append(c);
            else if (c < ' ') quoted.AppendFormat("\\u{0:x4}", (int)c);
            else quoted.Append(c);
        }
        return quoted.Append('"').ToString();
    }
}
