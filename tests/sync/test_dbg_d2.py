from tests.sync.test_inbox import *
async def test_x(world: World) -> None:
    provider="quickbooks"
    firm, connection, (kept, undone) = await pushed(world, provider, 2)
    await listening(world, provider)
    voided = await world.act(connection, "pay", invoice_id=await remote_id(world, firm, connection, undone))
    await deliver(world, provider, connection)
    await world.act(connection, "void_payment", payment_id=voided["payment_id"])
    await deliver(world, provider, connection)
    async with world.runtime.db.firm(firm) as session:
        for row in await session.execute(select(Payment)): print(row)
        for row in await session.exec_driver_sql("select * from webhook_events"): print(row)
    print(await paid(world, firm, undone))
    assert 0
