"""Whether a training step, as TensorFlow has optimized its graph, keeps the order of reading and updating a weight."""

from tensorflow.python.eager import context  # no public name for the graphs that are run


def unordered(model, iterator):
    """Takes a step. Returns the reads of variables that may come before or after an update as chance has it, and the
    number of reads."""
    step = model.make_train_function(force=True)
    context.enable_graph_collection()
    step(iterator)
    graphs = [found.post_optimization_graph for found in context.export_run_metadata().function_graphs]
    context.disable_graph_collection()
    graph = max(graphs, key=lambda graph: len(graph.node))
    named = {node.name: node for node in graph.node}
    inputs = {node.name: [name.lstrip("^").split(":")[0] for name in node.input] for node in graph.node}

    def before(name):
        seen, left = {name}, [name]
        while left:
            new = set(inputs[left.pop()]) - seen
            seen |= new
            left += new
        return seen

    def variable(node):
        name = inputs[node.name][0]
        while named[name].op == "Identity":
            name = inputs[name][0]
        return name

    reads = [node for node in graph.node if node.op == "ReadVariableOp"]
    updates = [node for node in graph.node if node.op.startswith(("ResourceApply", "Assign"))]
    earlier = {node.name: before(node.name) for node in (*reads, *updates)}
    found = [
        (read.name, update.name)
        for update in updates
        for read in reads
        if variable(read) == variable(update)
        and read.name not in earlier[update.name]
        and update.name not in earlier[read.name]
    ]
    return found, len(reads)
