// Text analysis for the local node. Elasticsearch's own module (analysis-common) is not on Maven Central; the Lucene
// classes below it are. This offers them under the names that Elasticsearch users write.
//
// Most components come by one rule: each factory that Lucene lists becomes a component whose name and settings are put
// into snake_case. A setting that a factory does not know is an error. By hand come only those that differ: gram
// tokenizers, stemmer, synonym, the mapping char filter, analyzers. Left out: whatever Lucene has no factory for (unique, condition, ...).
import java.io.IOException;
import java.io.Reader;
import java.io.StringReader;
import java.text.ParseException;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;

import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.charfilter.MappingCharFilter;
import org.apache.lucene.analysis.charfilter.NormalizeCharMap;
import org.apache.lucene.analysis.core.WhitespaceAnalyzer;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.apache.lucene.analysis.ngram.EdgeNGramTokenizer;
import org.apache.lucene.analysis.ngram.NGramTokenizer;
import org.apache.lucene.analysis.synonym.SolrSynonymParser;
import org.apache.lucene.analysis.synonym.SynonymGraphFilter;
import org.apache.lucene.util.ClasspathResourceLoader;
import org.apache.lucene.util.ResourceLoaderAware;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.index.analysis.Analysis;
import org.elasticsearch.index.analysis.AnalyzerProvider;
import org.elasticsearch.index.analysis.AnalyzerScope;
import org.elasticsearch.index.analysis.CharFilterFactory;
import org.elasticsearch.index.analysis.NormalizingCharFilterFactory;
import org.elasticsearch.index.analysis.NormalizingTokenFilterFactory;
import org.elasticsearch.index.analysis.PreBuiltAnalyzerProvider;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.index.mapper.Mapper;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.MapperPlugin;
import org.elasticsearch.plugins.Plugin;

public final class LuceneAnalysis extends Plugin implements AnalysisPlugin, MapperPlugin {
    static final String LUCENE = "org.apache.lucene.analysis.";

    // --- by the rule -------------------------------------------------------------------------------------------------

    @Override
    public Map<String, AnalysisProvider<CharFilterFactory>> getCharFilters() {
        var offered = offer(
            org.apache.lucene.analysis.CharFilterFactory.availableCharFilters(),
            org.apache.lucene.analysis.CharFilterFactory::forName,
            (name, factory) -> charFilter(name, factory::create));
        offered.put("mapping", AnalysisPlugin.requiresAnalysisSettings(LuceneAnalysis::mapping));
        return offered;
    }

    @Override
    public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
        var offered = offer(
            org.apache.lucene.analysis.TokenizerFactory.availableTokenizers(),
            org.apache.lucene.analysis.TokenizerFactory::forName,
            (name, factory) -> TokenizerFactory.newFactory(name, factory::create));
        offered.remove("standard"); // the server brings it
        for (boolean edge : new boolean[] {true, false}) {
            offered.put(edge ? "edge_ngram" : "ngram", (index, environment, name, settings) ->
                TokenizerFactory.newFactory(name, () -> grams(edge, settings)));
        }
        return offered;
    }

    @Override
    public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
        var offered = offer(
            org.apache.lucene.analysis.TokenFilterFactory.availableTokenFilters(),
            org.apache.lucene.analysis.TokenFilterFactory::forName,
            LuceneAnalysis::tokenFilter);
        offered.keySet().removeAll(Set.of("stop", "shingle")); // the server brings them
        offered.put("stemmer", LuceneAnalysis::stemmer);
        offered.put("synonym", AnalysisPlugin.requiresAnalysisSettings(LuceneAnalysis::synonyms));
        offered.put("synonym_graph", AnalysisPlugin.requiresAnalysisSettings(LuceneAnalysis::synonyms));
        return offered;
    }

    interface Wrap<L, E> {
        E wrap(String name, L factory);
    }

    interface ByName<L> {
        L create(String lucene, Map<String, String> arguments);
    }

    /** Those that Lucene cannot make without arguments are not offered by their bare name. */
    static <L, E> Map<String, AnalysisProvider<E>> offer(Collection<String> factories, ByName<L> byName, Wrap<L, E> wrap) {
        Map<String, AnalysisProvider<E>> offered = new HashMap<>();
        for (String lucene : factories) {
            AnalysisProvider<E> provider = (index, environment, name, settings) -> wrap.wrap(name, make(byName, lucene, settings));
            boolean bare;
            try {
                make(byName, lucene, Settings.EMPTY);
                bare = true;
            } catch (Exception e) {
                bare = false;
            }
            offered.put(elasticsearchName(lucene), bare ? provider : AnalysisPlugin.requiresAnalysisSettings(provider));
        }
        return offered;
    }

    static <L> L make(ByName<L> byName, String lucene, Settings settings) throws IOException {
        Map<String, String> arguments = new HashMap<>();
        if (lucene.endsWith("Gram") && !lucene.equals("cjkBigram")) { // Lucene demands what Elasticsearch has defaults for
            arguments.put("minGramSize", "1");
            arguments.put("maxGramSize", "2");
        }
        for (String key : settings.keySet()) {
            if (key.equals("type") || key.startsWith("index.")) continue;
            boolean gram = key.equals("min_gram") || key.equals("max_gram");
            List<String> list = settings.getAsList(key);
            arguments.put(camel(gram ? key + "_size" : key), list.isEmpty() ? settings.get(key) : String.join(",", list));
        }
        L factory = byName.create(lucene, arguments);
        if (factory instanceof ResourceLoaderAware aware) aware.inform(new ClasspathResourceLoader(LuceneAnalysis.class));
        return factory;
    }

    static final Map<String, String> OTHER_NAMES = Map.of(
        "kStem", "kstem", "nGram", "ngram", "asciiFolding", "asciifolding", "reverseString", "reverse", "limitTokenCount", "limit",
        "keepWord", "keep", "type", "keep_types", "patternCaptureGroup", "pattern_capture", "snowballPorter", "snowball",
        "uax29UrlEmail", "uax_url_email");

    /** htmlStrip: html_strip, edgeNGram: edge_ngram. */
    static String elasticsearchName(String lucene) {
        return OTHER_NAMES.getOrDefault(lucene, lucene.replaceAll("([a-z])([A-Z])", "$1_$2").toLowerCase(Locale.ROOT));
    }

    /** side_effect: sideEffect. */
    static String camel(String snake) {
        StringBuilder camel = new StringBuilder();
        for (String word : snake.split("_")) camel.append(camel.isEmpty() ? word : capital(word));
        return camel.toString();
    }

    static String capital(String word) {
        return word.substring(0, 1).toUpperCase(Locale.ROOT) + word.substring(1);
    }

    // --- by hand -----------------------------------------------------------------------------------------------------

    static CharFilterFactory mapping(Object index, Environment environment, String name, Settings settings) {
        var map = new NormalizeCharMap.Builder();
        for (String rule : Analysis.getWordList(environment, settings, "mappings")) {
            String[] sides = rule.split("=>", 2);
            map.add(sides[0].strip(), sides[1].strip());
        }
        NormalizeCharMap built = map.build();
        return charFilter(name, reader -> new MappingCharFilter(built, reader));
    }

    /** Grams within words, where token_chars says what words consist of; Lucene's factories know no such setting. */
    static Tokenizer grams(boolean edge, Settings settings) {
        int min = settings.getAsInt("min_gram", 1), max = settings.getAsInt("max_gram", 2);
        List<String> kinds = settings.getAsList("token_chars");
        IntPredicate belongs = character -> kinds.isEmpty() || kinds.stream().anyMatch(kind -> switch (kind) {
            case "letter" -> Character.isLetter(character);
            case "digit" -> Character.isDigit(character);
            case "whitespace" -> Character.isWhitespace(character);
            case "custom" -> settings.get("custom_token_chars", "").indexOf(character) >= 0;
            case "punctuation" -> Character.toString(character).matches("\\p{P}");
            case "symbol" -> Character.toString(character).matches("\\p{S}");
            default -> throw new IllegalArgumentException("token_chars: no kind of character is called " + kind);
        });
        if (edge) {
            return new EdgeNGramTokenizer(min, max) {
                @Override
                protected boolean isTokenChar(int character) {
                    return belongs.test(character);
                }
            };
        }
        return new NGramTokenizer(min, max) {
            @Override
            protected boolean isTokenChar(int character) {
                return belongs.test(character);
            }
        };
    }

    static TokenFilterFactory synonyms(Object index, Environment environment, String name, Settings settings) throws IOException {
        var parser = new SolrSynonymParser(true, settings.getAsBoolean("expand", true), new WhitespaceAnalyzer());
        try {
            parser.parse(new StringReader(String.join("\n", Analysis.getWordList(environment, settings, "synonyms"))));
        } catch (ParseException e) {
            throw new IllegalArgumentException(e);
        }
        var map = parser.build();
        return new Filter(name, stream -> map.fst == null ? stream : new SynonymGraphFilter(stream, map, true));
    }

    /** english, light_german, possessive_english: Lucene has a factory for some (germanLightStem), Snowball does the others. */
    static TokenFilterFactory stemmer(Object index, Environment environment, String name, Settings settings) {
        String language = settings.get("language", settings.get("name", "porter")).toLowerCase(Locale.ROOT);
        String[] words = language.split("_");
        String factory = switch (language) {
            case "english", "porter" -> "porterStem";
            case "light_english" -> "kStem";
            case "possessive_english" -> "englishPossessive";
            case "porter2" -> "english"; // as Snowball calls it
            default -> words.length == 2 ? words[1] + capital(words[0]) + "Stem" : language;
        };
        boolean own = org.apache.lucene.analysis.TokenFilterFactory.availableTokenFilters().contains(factory);
        Map<String, String> arguments = new HashMap<>(own ? Map.of() : Map.of("language", capital(factory)));
        return tokenFilter(name, org.apache.lucene.analysis.TokenFilterFactory.forName(own ? factory : "snowballPorter", arguments));
    }

    @Override
    public Map<String, AnalysisProvider<AnalyzerProvider<? extends Analyzer>>> getAnalyzers() {
        String languages = "ar.Arabic bg.Bulgarian bn.Bengali br.Brazilian ca.Catalan cjk.CJK ckb.Sorani cz.Czech da.Danish de.German "
            + "el.Greek en.English es.Spanish et.Estonian eu.Basque fa.Persian fi.Finnish fr.French ga.Irish gl.Galician hi.Hindi "
            + "hu.Hungarian hy.Armenian id.Indonesian it.Italian lt.Lithuanian lv.Latvian nl.Dutch no.Norwegian pt.Portuguese "
            + "ro.Romanian ru.Russian sr.Serbian sv.Swedish th.Thai tr.Turkish core.Simple core.Stop core.Whitespace core.Keyword";
        Map<String, AnalysisProvider<AnalyzerProvider<? extends Analyzer>>> offered = new HashMap<>();
        for (String type : languages.split(" ")) {
            offered.put(type.substring(type.indexOf('.') + 1).toLowerCase(Locale.ROOT), (index, environment, name, settings) ->
                new PreBuiltAnalyzerProvider(name, AnalyzerScope.INDEX, analyzer(type, environment, settings)));
        }
        return offered;
    }

    /** With the stop words of the settings, where the analyzer has any. */
    static Analyzer analyzer(String type, Environment environment, Settings settings) throws IOException {
        try {
            Class<?> analyzer = Class.forName(LUCENE + type + "Analyzer");
            if (type.equals("core.Stop")) {
                return (Analyzer) analyzer.getConstructor(CharArraySet.class)
                    .newInstance(Analysis.parseStopWords(environment, settings, EnglishAnalyzer.ENGLISH_STOP_WORDS_SET));
            }
            if (type.startsWith("core.")) return (Analyzer) analyzer.getConstructor().newInstance();
            var usual = (CharArraySet) analyzer.getMethod("getDefaultStopSet").invoke(null);
            return (Analyzer) analyzer.getConstructor(CharArraySet.class).newInstance(Analysis.parseStopWords(environment, settings, usual));
        } catch (NoSuchMethodException e) { // Thai and the like may have fewer constructors
            try {
                return (Analyzer) Class.forName(LUCENE + type + "Analyzer").getConstructor().newInstance();
            } catch (ReflectiveOperationException f) {
                throw new IOException(f);
            }
        } catch (ReflectiveOperationException e) {
            throw new IOException(e);
        }
    }

    /** Field types whose modules are missing too, as the nearest type of the server; _mapping then shows that one. */
    @Override
    public Map<String, Mapper.TypeParser> getMappers() {
        Mapper.TypeParser scaledFloat = (name, node, context) -> {
            node.remove("scaling_factor");
            return context.typeParser("double").parse(name, node, context);
        };
        Mapper.TypeParser matchOnlyText = (name, node, context) -> context.typeParser("text").parse(name, node, context);
        return Map.of("scaled_float", scaledFloat, "match_only_text", matchOnlyText);
    }

    // --- from Lucene's factories to Elasticsearch's ------------------------------------------------------------------

    record CharFilter(String name, UnaryOperator<Reader> filter) implements NormalizingCharFilterFactory {
        @Override
        public Reader create(Reader reader) {
            return filter.apply(reader);
        }
    }

    record Filter(String name, Function<TokenStream, TokenStream> filter) implements TokenFilterFactory {
        @Override
        public TokenStream create(TokenStream stream) {
            return filter.apply(stream);
        }
    }

    /** One that may also stand in a normalizer of keyword fields, such as lowercase. */
    record NormalizingFilter(String name, Function<TokenStream, TokenStream> filter) implements NormalizingTokenFilterFactory {
        @Override
        public TokenStream create(TokenStream stream) {
            return filter.apply(stream);
        }
    }

    static CharFilterFactory charFilter(String name, UnaryOperator<Reader> filter) {
        return new CharFilter(name, filter);
    }

    static TokenFilterFactory tokenFilter(String name, org.apache.lucene.analysis.TokenFilterFactory factory) {
        boolean normalizes;
        try {
            Class<?> declares = factory.getClass().getMethod("normalize", TokenStream.class).getDeclaringClass();
            normalizes = declares != org.apache.lucene.analysis.TokenFilterFactory.class;
        } catch (NoSuchMethodException e) {
            throw new AssertionError(e);
        }
        return normalizes ? new NormalizingFilter(name, factory::create) : new Filter(name, factory::create);
    }
}
