/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads and writes JSON as trees. Of members that stand twice the last one counts, unless the factory forbids them;
 * whole numbers are read as {@code long} or {@link BigInteger}, others as {@code double}. Thread-safe.
 */
public final class JsonTrees {
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private final JsonFactory factory;

    /** Reads and writes with this factory's features and limits. */
    public JsonTrees(JsonFactory factory) {
        this.factory = factory;
    }

    /** Returns a new object. */
    public static ObjectNode object() {
        return NODES.objectNode();
    }

    /**
     * Reads the first value of a text. What follows it is ignored.
     *
     * @return a {@link MissingNode} if there is none
     * @throws JsonProcessingException if it is not JSON; the message may quote it
     */
    public JsonNode read(String text) throws JsonProcessingException {
        return read(text, false);
    }

    /**
     * Reads the only value of a text.
     *
     * @return a {@link MissingNode} if there is none
     * @throws JsonProcessingException if it is not JSON, or something follows; the message may quote it
     */
    public JsonNode readAll(String text) throws JsonProcessingException {
        return read(text, true);
    }

    private JsonNode read(String text, boolean whole) throws JsonProcessingException {
        try (JsonParser parser = factory.createParser(text)) {
            JsonNode value = parser.nextToken() == null ? MissingNode.getInstance() : value(parser);
            if (whole && parser.nextToken() != null) {
                throw new JsonParseException(parser, "Something follows the value");
            }
            return value;
        } catch (JsonProcessingException e) {
            throw e;
        } catch (IOException e) {
            throw new UncheckedIOException(e); // a text is read without I/O
        }
    }

    /** Reads the value that begins with the current token. */
    private static JsonNode value(JsonParser parser) throws IOException {
        switch (parser.currentToken()) {
            case START_OBJECT -> {
                ObjectNode object = NODES.objectNode();
                for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
                    parser.nextToken();
                    object.set(name, value(parser));
                }
                return object;
            }
            case START_ARRAY -> {
                ArrayNode array = NODES.arrayNode();
                while (parser.nextToken() != JsonToken.END_ARRAY) {
                    array.add(value(parser));
                }
                return array;
            }
            case VALUE_NUMBER_INT -> {
                return parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
                        ? NODES.numberNode(parser.getBigIntegerValue())
                        : NODES.numberNode(parser.getLongValue());
            }
            case VALUE_NUMBER_FLOAT -> {
                return NODES.numberNode(parser.getDoubleValue());
            }
            case VALUE_TRUE, VALUE_FALSE -> {
                return NODES.booleanNode(parser.getBooleanValue());
            }
            case VALUE_NULL -> {
                return NODES.nullNode();
            }
            default -> {
                return NODES.textNode(parser.getText());
            }
        }
    }

    /** Writes a tree. */
    public String write(JsonNode tree) {
        StringWriter text = new StringWriter();
        try (JsonGenerator generator = factory.createGenerator(text)) {
            write(tree, generator);
        } catch (IOException e) {
            throw new UncheckedIOException("A tree of plain values could not be written", e);
        }
        return text.toString();
    }

    private static void write(JsonNode node, JsonGenerator generator) throws IOException {
        switch (node.getNodeType()) {
            case OBJECT -> {
                generator.writeStartObject();
                for (Map.Entry<String, JsonNode> member : node.properties()) {
                    generator.writeFieldName(member.getKey());
                    write(member.getValue(), generator);
                }
                generator.writeEndObject();
            }
            case ARRAY -> {
                generator.writeStartArray();
                for (JsonNode element : node) {
                    write(element, generator);
                }
                generator.writeEndArray();
            }
            case NUMBER -> {
                switch (node.numberType()) {
                    case BIG_INTEGER -> generator.writeNumber(node.bigIntegerValue());
                    case BIG_DECIMAL -> generator.writeNumber(node.decimalValue());
                    case FLOAT -> generator.writeNumber(node.floatValue());
                    case DOUBLE -> generator.writeNumber(node.doubleValue());
                    default -> generator.writeNumber(node.longValue());
                }
            }
            case BOOLEAN -> generator.writeBoolean(node.booleanValue());
            case STRING -> generator.writeString(node.textValue());
            default -> generator.writeNull();
        }
    }

    /** The plain value of a tree: maps, lists, texts, numbers, booleans and {@code null}. */
    public static @Nullable Object plain(JsonNode node) {
        return switch (node.getNodeType()) {
            case OBJECT -> {
                Map<String, @Nullable Object> map = new LinkedHashMap<>();
                node.properties().forEach(member -> map.put(member.getKey(), plain(member.getValue())));
                yield map;
            }
            case ARRAY -> {
                List<@Nullable Object> list = new ArrayList<>();
                node.forEach(element -> list.add(plain(element)));
                yield list;
            }
            case NUMBER -> node.numberValue();
            case BOOLEAN -> node.booleanValue();
            case STRING -> node.textValue();
            default -> null;
        };
    }

    /**
     * The tree of a plain value.
     *
     * @throws IllegalArgumentException if it is not one
     */
    public static JsonNode tree(@Nullable Object plain) {
        if (plain instanceof Map<?, ?> map) {
            ObjectNode object = NODES.objectNode();
            map.forEach((name, value) -> object.set(String.valueOf(name), tree(value)));
            return object;
        }
        if (plain instanceof Iterable<?> list) {
            ArrayNode array = NODES.arrayNode();
            list.forEach(element -> array.add(tree(element)));
            return array;
        }
        if (plain instanceof Number number) {
            return number(number);
        }
        if (plain instanceof Boolean bool) {
            return NODES.booleanNode(bool);
        }
        if (plain instanceof CharSequence text) {
            return NODES.textNode(text.toString());
        }
        if (plain == null) {
            return NODES.nullNode();
        }
        throw new IllegalArgumentException(
                "No value of JSON: " + plain.getClass().getName());
    }

    private static JsonNode number(Number number) {
        if (number instanceof BigDecimal decimal) {
            return NODES.numberNode(decimal);
        }
        if (number instanceof BigInteger whole) {
            return NODES.numberNode(whole);
        }
        return number instanceof Double || number instanceof Float
                ? NODES.numberNode(number.doubleValue())
                : NODES.numberNode(number.longValue());
    }
}
