def summarize(orders):
    """Number, total and largest of the orders."""
    amounts = [order["amount"] for order in orders]
    return {"count": len(amounts), "total": sum(amounts), "largest": min(amounts)}
